import type { Clock } from '../../base/clock'
import type { ServerWarning } from '../types'

/** How many different warnings are remembered. */
const REMEMBERED = 10_000
/** How long the same warning keeps silent, ms. */
const SILENCE = 3_600_000

/**
 * Lets the same warning (code, endpoint, path) through once an hour: a device that notifies every
 * second with an unknown resource is worth one line, not 3,600.
 */
export class WarningLimiter {
  /** Key to the time it was let through; oldest first. */
  private readonly told = new Map<string, number>()

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /** Whether this is the first of its kind for an hour. */
  allows(code: string, endpoint: string, path: string): boolean {
    const key = `${code} ${endpoint} ${path}`
    const now = this.clock.monotonic()
    const last = this.told.get(key)
    if (last !== undefined) {
      if (now - last < SILENCE) return false
      this.told.delete(key)
    } else if (this.told.size >= REMEMBERED) {
      for (const oldest of this.told.keys()) {
        this.told.delete(oldest)
        break
      }
    }
    this.told.set(key, now)
    return true
  }

  /** A `warn` that lets through what {@link allows} does. */
  limit(warn: (warning: ServerWarning) => void): (warning: ServerWarning) => void {
    return (warning) => {
      if (this.allows(warning.code, warning.endpoint ?? '', warning.path?.toString() ?? '')) {
        warn(warning)
      }
    }
  }
}
