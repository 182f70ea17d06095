import { nextTurn } from '../base/guard'
import { compareKeys } from './key-order'
import { StoreError, type Store, type StoreChange } from './store'

/** Number of entries that {@link MemoryStore.list} yields before it lets the event loop run. */
const CHUNK = 256

/** Keeps everything in memory: for tests, and where losing all state at exit is acceptable. */
export class MemoryStore implements Store {
  private readonly entries = new Map<string, Uint8Array>()
  private opened = false

  async open(): Promise<void> {
    this.opened = true
  }

  /** Entries survive a close and are available after the next {@link open} of the same object. */
  async close(): Promise<void> {
    this.opened = false
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.assertOpen()
    return this.entries.get(key)
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.assertOpen()
    this.set(key, value)
  }

  async delete(key: string): Promise<void> {
    this.assertOpen()
    this.entries.delete(key)
  }

  async batch(changes: readonly StoreChange[]): Promise<void> {
    this.assertOpen()
    for (const change of changes) {
      if (change.type === 'put') this.set(change.key, change.value)
      else this.entries.delete(change.key)
    }
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.assertOpen()
    // A snapshot, as in the disk store: changes made during the iteration are not visible.
    const found = [...this.entries].filter(([key]) => key.startsWith(prefix))
    found.sort(([a], [b]) => compareKeys(a, b))
    for (let i = 0; i < found.length; i++) {
      yield found[i] as [string, Uint8Array]
      if (i % CHUNK === CHUNK - 1) await nextTurn()
    }
  }

  private set(key: string, value: Uint8Array): void {
    // A copy: a view may belong to a pooled or reused buffer.
    this.entries.set(key, new Uint8Array(value))
  }

  private assertOpen(): void {
    if (!this.opened) throw new StoreError('store-closed', 'the store is not open')
  }
}
