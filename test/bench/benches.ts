/** The benchmarks by name, in the order in which `npm run bench` runs them. */
import { bootstrapBench } from './bootstrap.bench'
import { coapBench, flowBench } from './coap.bench'
import { coapsBench } from './coaps.bench'
import { editorBench } from './editor.bench'
import { floodsBench } from './floods.bench'
import { formatsBench } from './formats.bench'
import { memoryBench } from './memory.bench'
import type { BenchRow } from './report'
import { storeBench } from './store.bench'

export const benches: { readonly [name: string]: (rounds: number) => Promise<BenchRow[]> } = {
  coap: coapBench,
  coaps: coapsBench,
  floods: floodsBench,
  flow: flowBench,
  bootstrap: bootstrapBench,
  formats: formatsBench,
  store: storeBench,
  editor: editorBench,
  memory: memoryBench,
}
