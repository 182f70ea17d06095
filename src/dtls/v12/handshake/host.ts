import type { Scheduler } from '../../../base/scheduler'
import type { Association } from '../../associations/association'
import type { DropReason } from '../../counters'
import type { HandshakeFailure } from '../../errors'
import type { WireAddress } from '../../identity'
import type { LookupGate } from '../../lookups/lookup-gate'
import type { RawRecord } from '../../records/record'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { Settings } from '../../settings'

/** What a handshake of either role needs of the endpoint that it belongs to. */
export interface HandshakeHost {
  readonly settings: Settings
  readonly clock: Scheduler
  readonly lookups: LookupGate
  output(datagram: Uint8Array, to: WireAddress): void
  /** A random Connection ID that nobody has; records that carry it come to this handshake. */
  allocateConnectionId(handshake: PendingHandshake): Uint8Array
  /** The peer's Finished was right: the association takes the handshake's place. */
  established(
    handshake: PendingHandshake,
    association: Association,
    early: readonly RawRecord[],
  ): void
  /** For the operator, at most once a handshake. */
  report(handshake: PendingHandshake, failure: HandshakeFailure): void
  /** The handshake is over without success: forget it. */
  ended(handshake: PendingHandshake): void
  dropped(reason: DropReason): void
  retransmitted(): void
}
