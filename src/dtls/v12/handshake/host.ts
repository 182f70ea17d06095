import type { Scheduler } from '../../../base/scheduler'
import type { Association } from '../../associations/association'
import type { DropReason } from '../../counters'
import type { HandshakeFailure } from '../../errors'
import type { WireAddress } from '../../identity'
import type { LookupGate } from '../../lookups/lookup-gate'
import type { RawRecord } from '../../records/record'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { Settings } from '../../settings'

/** What a handshake of either role needs of its endpoint. */
export interface HandshakeHost {
  readonly settings: Settings
  readonly clock: Scheduler
  readonly lookups: LookupGate
  output(datagram: Uint8Array, to: WireAddress): void
  /** Allocates a random, unused Connection ID; records with it are passed to this handshake. */
  allocateConnectionId(handshake: PendingHandshake): Uint8Array
  /** The peer's Finished was valid: the association replaces the handshake. */
  established(
    handshake: PendingHandshake,
    association: Association,
    early: readonly RawRecord[],
  ): void
  /** Reports a failure to the operator, at most once per handshake. */
  report(handshake: PendingHandshake, failure: HandshakeFailure): void
  /** The handshake failed and can be dropped. */
  ended(handshake: PendingHandshake): void
  dropped(reason: DropReason): void
  retransmitted(): void
}
