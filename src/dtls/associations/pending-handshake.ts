import type { HandshakeFailure } from '../errors'
import type { DtlsIdentity, WireAddress } from '../identity'
import type { RawRecord } from '../records/record'

/** A handshake in progress, whatever its version and our role in it: what finds it, feeds it, ends it. */
export interface PendingHandshake {
  readonly remote: WireAddress
  /** The random of the ClientHello that it began with. */
  readonly clientRandom: Uint8Array
  /** What the peer says it is; proven only in the association. */
  readonly claimed: DtlsIdentity | undefined
  /** The key that records with our Connection ID are found by; undefined when it has none. */
  readonly connectionIdKey: string | undefined
  /** A record that is not a ClientHello, of epoch 0 or 1. */
  receive(record: RawRecord): void
  /** The ClientHello was repeated: our flight was lost. */
  repeatFlight(): void
  /** Ends the handshake without telling the peer. */
  giveUp(reason: HandshakeFailure): void
}
