import type { Lwm2mServer } from '../../src/server/lwm2m-server'
import type { CredentialStore } from '../../src/server/credentials'

/** A server with all that belongs to it, as one thing that starts and stops. */
export interface Engine {
  readonly server: Lwm2mServer
  readonly credentials: CredentialStore
  /** @throws BindError, StoreError, CodedError */
  start(): Promise<void>
  /** Resolves when the ports are free and the store is closed. Idempotent. */
  stop(): Promise<void>
}
