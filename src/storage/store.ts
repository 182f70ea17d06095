import { CodedError } from '../base/coded-error'

/** One change of a batch. */
export type StoreChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

/** `code` is `store-locked` (another process holds it), `store-damaged`, `store-newer` (a later version wrote it), `store-closed` or `store-failed`. */
export class StoreError extends CodedError {}

/**
 * A durable map from key to bytes. Keys are UTF-8 text, `area:rest` by convention, ordered by bytes.
 * A promise that resolved means: kept, even if the process is killed now.
 */
export interface Store {
  /** @throws StoreError `store-locked`, `store-damaged`; nothing is overwritten then */
  open(): Promise<void>
  close(): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  /** All changes or none. */
  batch(changes: readonly StoreChange[]): Promise<void>
  /** All entries whose key starts with `prefix`, in key order; yields to the event loop as it goes. */
  list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
}
