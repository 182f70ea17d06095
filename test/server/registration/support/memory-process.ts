/**
 * A server with a disk store in a process of its own, whose heap is limited by `--max-old-space-size`:
 * `memory-process <folder>`. Reports what it restored, and its memory when it is asked for.
 */
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import { DiskStore } from '../../../../src/storage/disk-store'

/** What the process says. */
export interface MemoryReport {
  readonly port: number
  readonly registrations: number
  /** Codes and messages of warnings so far. */
  readonly warnings: readonly string[]
  /** MiB, after a collection. */
  readonly heap: number
  /** Bytes. */
  readonly lists: number
}

const [, , folder = ''] = process.argv
const server = new Lwm2mServer({
  coap: { host: '127.0.0.1', port: 0 },
  store: new DiskStore(folder),
})
const warnings: string[] = []
server.on('warning', ({ code, message }) => warnings.push(`${code}: ${message}`))

function report(): void {
  globalThis.gc?.()
  process.send?.({
    port: server.addresses.coap?.port ?? 0,
    registrations: server.registrations.size,
    warnings,
    heap: process.memoryUsage().heapUsed / 2 ** 20,
    lists: server.statistics.budgets.objectLists.used,
  } satisfies MemoryReport)
}

process.on('message', report)
process.on('disconnect', () => process.exit(0))
void server.start().then(report)
