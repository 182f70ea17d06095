import { type Clock, systemClock } from '../../../src/base/clock'
import { MINUTE, type Rate, RateLimiter } from '../../../src/base/rate-limiter'
import type { ServerWarning } from '../../../src'
import { WarningLimiter, escapeControls } from '../../../src/internal'

/** Whoever floods the server must not fill the disk with its log. */
const RATE: Rate = { name: 'lines in the log of Node-RED', limit: 20, interval: MINUTE }
/** Of the credentials: the config node has reported them as errors of its own. */
const REPORTED: ReadonlySet<string> = new Set([
  'invalid-credential',
  'duplicate-identity',
  'credential-file',
  'credential-store',
])

/**
 * Writes the warnings of a server to Node-RED's log, so that a mistyped key shows without any flow
 * that listens for it. The same words about one device are written once an hour; flows get every warning.
 */
export class WarningLog {
  private readonly limiter: WarningLimiter
  private readonly lines: RateLimiter

  constructor(
    private readonly write: (line: string) => void,
    clock: Clock = systemClock,
  ) {
    this.limiter = new WarningLimiter(clock)
    this.lines = new RateLimiter(clock, RATE)
  }

  take(warning: ServerWarning): void {
    const { code, message, endpoint, sender, peer } = warning
    if (REPORTED.has(code)) return
    const who = endpoint ?? sender?.identity ?? sender?.address ?? peer?.address ?? ''
    if (!this.limiter.allows(warning, who, () => this.lines.take())) return
    const heldBack = this.lines.takeRefused()
    if (heldBack > 0) this.write(`${heldBack} further warnings were left out`)
    const line = `${message} (${code})`
    // What devices say must not look like further lines of the log.
    this.write(escapeControls(endpoint === undefined ? line : `${endpoint}: ${line}`))
  }
}
