import type { Clock } from '../base/clock'
import type { ServerWarning } from './types'

/** Warnings let through per second; whoever floods the server must not flood its log. */
const PER_SECOND = 100
const SECOND = 1000

/** Lets a bounded number of warnings through, and tells how many it held back. */
export class WarningGate {
  private since = -Infinity
  private passed = 0
  private held = 0

  constructor(
    private readonly clock: Clock,
    private readonly emit: (warning: ServerWarning) => void,
  ) {}

  pass(warning: ServerWarning): void {
    const now = this.clock.monotonic()
    if (now - this.since >= SECOND) {
      const { held } = this
      this.since = now
      this.passed = 0
      this.held = 0
      if (held > 0) {
        this.emit({
          code: 'warnings-suppressed',
          message: `${held} further warnings were left out`,
        })
      }
    }
    if (this.passed++ < PER_SECOND) this.emit(warning)
    else this.held++
  }
}
