/** The benchmarks by name, in the order in which `npm run bench` runs them. */
import { coapBench } from './coap.bench'
import { formatsBench } from './formats.bench'
import { memoryBench } from './memory.bench'
import type { BenchRow } from './report'

export const benches: { readonly [name: string]: (rounds: number) => Promise<BenchRow[]> } = {
  coap: coapBench,
  formats: formatsBench,
  memory: memoryBench,
}
