import type { Clock } from '../../base/clock'
import { HOUR, type KeyedRate, KeyedRateLimiter } from '../../base/rate-limiter'
import type { ServerWarning } from '../types'

/** The same words about the same. */
const SAME: KeyedRate = { name: 'the same warning', limit: 1, interval: HOUR, keys: 10_000 }
/** Different words about the same: a value that is wrong each time in another way. */
const VARIANTS: KeyedRate = {
  name: 'variants of a warning',
  limit: 5,
  interval: HOUR,
  keys: 10_000,
}

/**
 * Lets the same warning (code, endpoint, path, message) through once an hour: a device that notifies
 * every second with an unknown resource is worth one line, not 3,600. What a device does wrong in
 * several ways is told for each, up to five.
 */
export class WarningLimiter {
  private readonly same: KeyedRateLimiter
  private readonly variants: KeyedRateLimiter

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.same = new KeyedRateLimiter(clock, SAME)
    this.variants = new KeyedRateLimiter(clock, VARIANTS)
  }

  /**
   * Whether this is the first of its kind for an hour.
   * @param hasRoom asked last: what it turns away may come again
   */
  allows({ code, message, path }: ServerWarning, who: string, hasRoom = () => true): boolean {
    const key = `${code} ${who} ${path?.toString() ?? ''}`
    const whole = `${key} ${message}`
    if (!this.same.allows(whole) || !this.variants.allows(key) || !hasRoom()) return false
    return this.variants.take(key) && this.same.take(whole)
  }

  /** A `warn` that lets through what {@link allows} does. */
  limit(warn: (warning: ServerWarning) => void): (warning: ServerWarning) => void {
    return (warning) => {
      if (this.allows(warning, warning.endpoint ?? '')) warn(warning)
    }
  }
}
