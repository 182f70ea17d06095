import type { DropReason, DtlsCounters } from './counters'
import type { HandshakeFailureCode } from './errors'

/** Maintains the {@link DtlsCounters}. */
export class Tally {
  helloVerifyRequests = 0
  handshakesStarted = 0
  handshakesCompleted = 0
  resumptions = 0
  retransmissions = 0
  addressMoves = 0
  evictions = 0
  sessionStoreErrors = 0
  private readonly drops = new Map<DropReason, number>()
  private readonly failures = new Map<HandshakeFailureCode, number>()

  dropped(reason: DropReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1)
  }

  failed(code: HandshakeFailureCode): void {
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
  }

  snapshot(gauges: Pick<DtlsCounters, 'associations' | 'halfOpen' | 'sessions'>): DtlsCounters {
    return {
      helloVerifyRequests: this.helloVerifyRequests,
      handshakesStarted: this.handshakesStarted,
      handshakesCompleted: this.handshakesCompleted,
      resumptions: this.resumptions,
      handshakesFailed: Object.fromEntries(this.failures),
      dropped: Object.fromEntries(this.drops),
      retransmissions: this.retransmissions,
      addressMoves: this.addressMoves,
      evictions: this.evictions,
      sessionStoreErrors: this.sessionStoreErrors,
      ...gauges,
    }
  }
}
