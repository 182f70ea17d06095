import { RecordType } from '../../storage/record-type'
import type { Store } from '../../storage/store'

const AWAKE = 'awake:'

/** Milliseconds; once written as decimal text. */
const AWAKE_RECORD = new RecordType<number>({
  what: 'an awake window',
  version: 1,
  unversioned: (bytes) => ({ version: 1, body: Number(Buffer.from(bytes).toString()) }),
  isWhole: (body): body is number => typeof body === 'number' && body >= 0,
})

/** Keeps awake windows that were set at run time, ms by endpoint or pattern. */
export class AwakeWindowJournal {
  constructor(private readonly store: Store) {}

  /** Resolves when it is kept. @throws StoreError */
  set(pattern: string, ms: number | undefined): Promise<void> {
    if (ms === undefined) return this.store.delete(AWAKE + pattern)
    return this.store.put(AWAKE + pattern, AWAKE_RECORD.encode(ms))
  }

  async *list(): AsyncIterable<readonly [pattern: string, ms: number]> {
    for await (const [key, value] of this.store.list(AWAKE)) {
      const ms = AWAKE_RECORD.decode(value)
      if (ms !== undefined) yield [key.slice(AWAKE.length), ms]
    }
  }
}
