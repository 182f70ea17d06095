import { CodedError } from '../base/coded-error'

/** One change of a batch. */
export type StoreChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

/** `code` is `store-locked` (another process holds it), `store-damaged`, `store-newer` (a later version wrote it), `store-closed` or `store-failed`. */
export class StoreError extends CodedError {}

/**
 * A durable map from key to bytes. Keys are UTF-8 text, `area:rest` by convention, ordered by
 * bytes. A resolved promise means that the change survives even if the process is killed
 * immediately.
 */
export interface Store {
  /** @throws StoreError `store-locked`, `store-damaged`; nothing is overwritten in these cases */
  open(): Promise<void>
  close(): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  /** Applies all changes or none. */
  batch(changes: readonly StoreChange[]): Promise<void>
  /**
   * All entries whose key starts with `prefix`, in key order; yields to the event loop meanwhile.
   */
  list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
}
