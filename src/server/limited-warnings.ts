import type { Clock } from '../base/clock'
import { type Rate, RateLimiter, SECOND } from '../base/rate-limiter'
import type { ServerWarning } from './types'

/** Whoever floods the server must not flood its log. */
const RATE: Rate = { name: 'warnings of a server', limit: 100, interval: SECOND }

/** Lets a bounded number of warnings through, and tells how many it held back. */
export class LimitedWarnings {
  private readonly limiter: RateLimiter

  constructor(
    clock: Clock,
    private readonly emit: (warning: ServerWarning) => void,
  ) {
    this.limiter = new RateLimiter(clock, RATE)
  }

  warn(warning: ServerWarning): void {
    if (!this.limiter.take()) return
    const held = this.limiter.takeRefused()
    if (held > 0) {
      this.emit({
        code: 'warnings-suppressed',
        message: `${held} further warnings were left out`,
      })
    }
    this.emit(warning)
  }
}
