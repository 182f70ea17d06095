import type { CredentialStore, Lwm2mServer } from '../../../src'
import type { Settings } from '../runtime/settings'
import type { KeysById } from './server-settings'

/** A server with all that belongs to it, as one thing that starts and stops. */
export interface Engine {
  readonly server: Lwm2mServer
  readonly credentials: CredentialStore
  /** What flow nodes keep with the state of the server, while it runs. */
  readonly notes: Notes
  /** @throws BindError, StoreError, CodedError */
  start(): Promise<void>
  /** Takes over, while it runs, the settings that {@link LIVE_SETTINGS} names. @throws CodedError */
  apply(settings: Settings, keys: KeysById): Promise<void>
  /** Resolves when the ports are free and the store is closed. Idempotent. */
  stop(): Promise<void>
}

/** Small plain data of flow nodes, kept as long as the server's own state. */
export interface Notes {
  /** Undefined where nothing is kept. @throws StoreError */
  recall(nodeId: string): Promise<unknown>
  /** Undefined forgets. Resolves when it is kept. @throws StoreError */
  keep(nodeId: string, data: unknown): Promise<void>
}
