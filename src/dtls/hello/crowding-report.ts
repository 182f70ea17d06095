import type { Clock } from '../../base/clock'

/** Minimum time between two reports in ms. */
const INTERVAL = 60_000

/** Reports to the operator, at a limited rate, that handshakes are evicted. */
export class CrowdingReport {
  private toldAt = -Infinity
  private count = 0

  constructor(
    private readonly clock: Clock,
    private readonly tell: (message: string) => void,
  ) {}

  /** One handshake was evicted; `group` is the address prefix with the most. */
  add(group: string): void {
    this.count++
    const now = this.clock.monotonic()
    if (now - this.toldAt < INTERVAL) return
    const since = this.toldAt === -Infinity ? '' : ' since the last warning'
    this.tell(
      `too many DTLS handshakes are in progress: ${this.count} were dropped for newer ones${since}; ` +
        `most come from ${group}`,
    )
    this.toldAt = now
    this.count = 0
  }
}
