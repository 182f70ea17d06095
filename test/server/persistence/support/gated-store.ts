import type { Store, StoreChange } from '../../../../src/storage/store'
import { MemoryStore } from '../../../../src/storage/memory-store'

/** A store whose writes wait, or fail, as a test says; it keeps its entries over a restart. */
export class GatedStore implements Store {
  readonly inner = new MemoryStore()
  /** Keys written or deleted, in order. */
  readonly writes: string[] = []
  failure: Error | undefined
  private gate: Promise<void> | undefined
  private openGate: () => void = () => {}

  /** Writes wait from now on. */
  hold(): void {
    this.gate = new Promise((resolve) => (this.openGate = resolve))
  }

  release(): void {
    this.gate = undefined
    this.openGate()
  }

  open(): Promise<void> {
    return this.inner.open()
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.inner.get(key)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.batch([{ type: 'put', key, value }])
  }

  delete(key: string): Promise<void> {
    return this.batch([{ type: 'delete', key }])
  }

  async batch(changes: readonly StoreChange[]): Promise<void> {
    for (const { key } of changes) this.writes.push(key)
    await this.gate
    if (this.failure !== undefined) throw this.failure
    await this.inner.batch(changes)
  }

  list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    return this.inner.list(prefix)
  }
}
