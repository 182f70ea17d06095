import type { HandshakeFailure } from '../errors'
import type { DtlsIdentity, WireAddress } from '../identity'
import type { RawRecord } from '../records/record'

/** A handshake in progress, of any version and role. */
export interface PendingHandshake {
  readonly remote: WireAddress
  /** The random of the ClientHello that started it. */
  readonly clientRandom: Uint8Array
  /** The identity claimed by the peer; not verified before the association is established. */
  readonly claimed: DtlsIdentity | undefined
  /** Key by which records with our Connection ID are matched; undefined without. */
  readonly connectionIdKey: string | undefined
  /** A record that is not a ClientHello, of epoch 0 or 1. */
  receive(record: RawRecord): void
  /** The ClientHello was repeated: our flight was lost. */
  repeatFlight(): void
  /** Ends the handshake without an alert. */
  giveUp(reason: HandshakeFailure): void
}
