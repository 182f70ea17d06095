import type { Store } from '../../../src/storage/store'
import type { Notes } from './engine'

const PREFIX = 'node:'

/** {@link Notes} in the store of a server. */
export class StoreNotes implements Notes {
  constructor(private readonly store: Store) {}

  async recall(nodeId: string): Promise<unknown> {
    const bytes = await this.store.get(PREFIX + nodeId)
    if (bytes === undefined) return undefined
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8'))
    } catch {
      return undefined
    }
  }

  async keep(nodeId: string, data: unknown): Promise<void> {
    if (data === undefined) await this.store.delete(PREFIX + nodeId)
    else await this.store.put(PREFIX + nodeId, Buffer.from(JSON.stringify(data), 'utf8'))
  }
}
