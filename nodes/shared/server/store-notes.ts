import type { Store } from '../../../src'
import { RecordType } from '../../../src/internal'
import type { Notes } from './engine'

const PREFIX = 'node:'

/** JSON text. */
const NOTE_RECORD = new RecordType<string>({
  what: 'the state of a node',
  version: 1,
  unversioned: (bytes) => ({ version: 1, body: Buffer.from(bytes).toString('utf8') }),
  isWhole: (body): body is string => typeof body === 'string',
})

/** {@link Notes} in the store of a server. */
export class StoreNotes implements Notes {
  constructor(private readonly store: Store) {}

  async recall(nodeId: string): Promise<unknown> {
    const bytes = await this.store.get(PREFIX + nodeId)
    if (bytes === undefined) return undefined
    try {
      const text = NOTE_RECORD.decode(bytes)
      return text === undefined ? undefined : (JSON.parse(text) as unknown)
    } catch {
      return undefined
    }
  }

  async keep(nodeId: string, data: unknown): Promise<void> {
    if (data === undefined) await this.store.delete(PREFIX + nodeId)
    else await this.store.put(PREFIX + nodeId, NOTE_RECORD.encode(JSON.stringify(data)))
  }
}
