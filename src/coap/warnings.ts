import type { Clock } from '../base/clock'
import type { WarningCode } from '../base/codes'
import type { Peer } from '../transport/transport'
import type { CoapStats } from './stats'

/** Something an operator should know; the CoapEndpoint goes on. */
export interface CoapWarning {
  /**
   * `malformed`, `bad-option`, `handler-failed`, `listener-failed`, `notification-incomplete`,
   * `unexpected`, `send-failed`, `transport` or `internal`.
   */
  readonly code: WarningCode
  readonly message: string
  readonly peer?: Peer
  /** The datagram in question. */
  readonly raw?: Uint8Array
}

/** Warnings let through per second: a flood of bad datagrams must not become a flood of events. */
const WARNINGS_PER_SECOND = 50

/** The warnings of one CoapEndpoint. */
export class Warnings {
  onWarning: (warning: CoapWarning) => void = () => {}
  private second = 0
  private count = 0

  constructor(
    private readonly clock: Clock,
    private readonly stats: CoapStats,
  ) {}

  /** Never throws. */
  warn(code: WarningCode, message: string, peer?: Peer, raw?: Uint8Array): void {
    const second = Math.floor(this.clock.monotonic() / 1000)
    if (second !== this.second) {
      this.second = second
      this.count = 0
    }
    if (++this.count > WARNINGS_PER_SECOND) {
      this.stats.suppressedWarnings++
      return
    }
    try {
      this.onWarning({ code, message, peer, raw })
    } catch {
      // Whoever listens for warnings has nowhere to be warned of its own failure.
    }
  }
}
