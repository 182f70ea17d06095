import type { Clock } from '../../base/clock'

/** The least time between two reports, ms. */
const INTERVAL = 60_000

/** Tells the operator, now and then, that handshakes make room for others. */
export class CrowdingReport {
  private toldAt = -Infinity
  private count = 0

  constructor(
    private readonly clock: Clock,
    private readonly tell: (message: string) => void,
  ) {}

  /** One handshake made room; `group` are the addresses that have most. */
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
