import type { Store } from '../../storage/store'

const AWAKE = 'awake:'

/** Keeps awake windows that were set at run time, ms by endpoint or pattern. */
export class AwakeWindowJournal {
  constructor(private readonly store: Store) {}

  /** Resolves when it is kept. @throws StoreError */
  set(pattern: string, ms: number | undefined): Promise<void> {
    if (ms === undefined) return this.store.delete(AWAKE + pattern)
    return this.store.put(AWAKE + pattern, Buffer.from(String(ms)))
  }

  async *list(): AsyncIterable<readonly [pattern: string, ms: number]> {
    for await (const [key, value] of this.store.list(AWAKE)) {
      yield [key.slice(AWAKE.length), Number(Buffer.from(value).toString())]
    }
  }
}
