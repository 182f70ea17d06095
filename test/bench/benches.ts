/** The benchmarks by name, in the order in which `npm run bench` runs them. */
import { bootstrapBench } from './bootstrap.bench'
import { coapBench } from './coap.bench'
import { memoryBench } from './memory.bench'
import type { BenchRow } from './report'

export const benches: { readonly [name: string]: (rounds: number) => Promise<BenchRow[]> } = {
  coap: coapBench,
  bootstrap: bootstrapBench,
  memory: memoryBench,
}
