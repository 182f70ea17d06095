import type { Clock } from '../base/clock'
import type { WarningCode } from '../base/codes'
import { type Rate, RateLimiter, SECOND } from '../base/rate-limiter'
import type { Peer } from '../transport/transport'
import type { CoapStats } from './stats'

/** Something an operator should know; the CoapEndpoint continues. */
export interface CoapWarning {
  /**
   * `malformed`, `bad-option`, `handler-failed`, `listener-failed`, `notification-incomplete`,
   * `unexpected`, `send-failed`, `transport` or `internal`.
   */
  readonly code: WarningCode
  readonly message: string
  readonly peer?: Peer
  /** The datagram concerned. */
  readonly raw?: Uint8Array
}

/** Many bad datagrams must not cause as many events. */
const RATE: Rate = { name: 'warnings of a CoAP endpoint', limit: 50, interval: SECOND }

/** The warnings of one CoapEndpoint. */
export class Warnings {
  onWarning: (warning: CoapWarning) => void = () => {}
  private readonly limiter: RateLimiter

  constructor(
    clock: Clock,
    private readonly stats: CoapStats,
  ) {
    this.limiter = new RateLimiter(clock, RATE)
  }

  /** Never throws. */
  warn(code: WarningCode, message: string, peer?: Peer, raw?: Uint8Array): void {
    if (!this.limiter.take()) {
      this.stats.suppressedWarnings++
      return
    }
    try {
      this.onWarning({ code, message, peer, raw })
    } catch {
      // An error of the warning listener itself cannot be reported.
    }
  }
}
