import { type Clock, systemClock } from '../../../src/base/clock'
import type { ServerWarning } from '../../../src'
import { WarningLimiter, escapeControls } from '../../../src/internal'

/** Lines in a minute: whoever floods the server must not fill the disk with its log. */
const PER_MINUTE = 20
const MINUTE = 60_000
/** Of the credentials: the config node has reported them as errors of its own. */
const REPORTED: ReadonlySet<string> = new Set([
  'invalid-credential',
  'duplicate-identity',
  'credential-file',
  'credential-store',
])

/**
 * Writes the warnings of a server to Node-RED's log, so that a mistyped key shows without any flow
 * that listens for it. The same of one device is written once an hour; flows get every one of them.
 */
export class WarningLog {
  private readonly limiter: WarningLimiter
  private since = -Infinity
  private written = 0
  private heldBack = 0

  constructor(
    private readonly write: (line: string) => void,
    private readonly clock: Clock = systemClock,
  ) {
    this.limiter = new WarningLimiter(clock)
  }

  take(warning: ServerWarning): void {
    const { code, message, endpoint, sender, peer, path } = warning
    if (REPORTED.has(code)) return
    const who = endpoint ?? sender?.identity ?? sender?.address ?? peer?.address ?? ''
    if (!this.limiter.allows(code, who, path?.toString() ?? '')) return
    const now = this.clock.monotonic()
    if (now - this.since >= MINUTE) {
      this.since = now
      this.written = 0
      if (this.heldBack > 0) this.write(`${this.heldBack} further warnings were left out`)
      this.heldBack = 0
    }
    if (this.written++ < PER_MINUTE) {
      const line = `${message} (${code})`
      // What devices say must not look like further lines of the log.
      this.write(escapeControls(endpoint === undefined ? line : `${endpoint}: ${line}`))
    } else this.heldBack++
  }
}
