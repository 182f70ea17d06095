import type { Transport } from '../transport/transport'

/** How `coaps://` is served: the transport is made (credentials, port) by the caller. */
export interface ServerCoapsOptions {
  readonly transport: Transport
}
