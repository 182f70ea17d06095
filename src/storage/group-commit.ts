import { StoreError, type StoreChange } from './store'

/** Maximum number of changes written together, so that one write stays short. */
const MAX_GROUP = 4096

interface Waiting {
  readonly changes: readonly StoreChange[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/**
 * Writes one group at a time; changes that arrive meanwhile form the next group. A thousand devices
 * that update at once cost a handful of writes, and each caller waits only for its own.
 */
export class GroupCommit {
  private waiting: Waiting[] = []
  private running: Promise<void> | undefined
  /** Changes not written yet, so that callers read their own writes. `undefined`: deleted. */
  private readonly unwritten = new Map<string, { value: Uint8Array | undefined; uses: number }>()

  /** @param write writes all changes or none. @throws StoreError */
  constructor(private readonly write: (changes: readonly StoreChange[]) => Promise<void>) {}

  /** Resolves when the changes are durable. @throws StoreError */
  commit(changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const change of changes) {
        const value = change.type === 'put' ? change.value : undefined
        const entry = this.unwritten.get(change.key)
        if (entry === undefined) this.unwritten.set(change.key, { value, uses: 1 })
        else {
          entry.value = value
          entry.uses++
        }
      }
      this.waiting.push({ changes, resolve, reject })
      this.running ??= this.run()
    })
  }

  /**
   * The value of a key once all pending changes are written; `undefined` if none is pending for it.
   */
  peek(key: string): { readonly value: Uint8Array | undefined } | undefined {
    return this.unwritten.get(key)
  }

  /** Resolves when every pending change has been written or has failed. */
  async drained(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  private async run(): Promise<void> {
    // Changes of the same turn form one group.
    await Promise.resolve()
    while (this.waiting.length > 0) {
      const group = this.takeGroup()
      const changes = group.flatMap((one) => one.changes)
      let failure: StoreError | undefined
      try {
        await this.write(changes)
      } catch (error) {
        failure =
          error instanceof StoreError
            ? error
            : new StoreError('store-failed', 'the store cannot be written', { cause: error })
      }
      for (const { key } of changes) {
        const entry = this.unwritten.get(key)
        if (entry !== undefined && --entry.uses === 0) this.unwritten.delete(key)
      }
      for (const one of group) {
        if (failure === undefined) one.resolve()
        else one.reject(failure)
      }
    }
    this.running = undefined
  }

  private takeGroup(): Waiting[] {
    let count = 0
    let end = 0
    while (end < this.waiting.length) {
      count += this.waiting[end]?.changes.length ?? 0
      if (end > 0 && count > MAX_GROUP) break
      end++
    }
    return this.waiting.splice(0, end)
  }
}
