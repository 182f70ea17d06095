import type { Clock } from './clock'

export const SECOND = 1_000
export const MINUTE = 60_000
export const HOUR = 3_600_000

/** A named budget of things in a time. */
export interface Rate {
  /** What is counted, e.g. `warnings of a CoAP endpoint`. */
  readonly name: string
  /** So many at most … */
  readonly limit: number
  /** … in so many milliseconds, which begin with the first one. */
  readonly interval: number
}

/** A {@link Rate} of things that are counted apart by a key, as the address of a sender. */
export interface KeyedRate extends Rate {
  /** Keys remembered; beyond them the one whose time began first is forgotten. */
  readonly keys: number
}

/** Lets so many through in a time, and counts the others. */
export class RateLimiter {
  private since = -Infinity
  private taken = 0
  private refused = 0

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    readonly rate: Rate,
  ) {}

  /** Whether one more is within the limit. */
  take(): boolean {
    const now = this.clock.monotonic()
    if (now - this.since >= this.rate.interval) {
      this.since = now
      this.taken = 0
    }
    if (this.taken < this.rate.limit) {
      this.taken++
      return true
    }
    this.refused++
    return false
  }

  /** How many were refused since the last call. */
  takeRefused(): number {
    const { refused } = this
    this.refused = 0
    return refused
  }
}

/** {@link RateLimiter} for each key on its own; its memory is bounded. */
export class KeyedRateLimiter {
  /** In the order in which their time began. */
  private readonly entries = new Map<string, { since: number; taken: number }>()

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    readonly rate: KeyedRate,
  ) {}

  /** Keys that are remembered now. */
  get size(): number {
    return this.entries.size
  }

  /** Whether one more of this key would be within the limit. */
  allows(key: string): boolean {
    const entry = this.entries.get(key)
    return entry === undefined || this.isOver(entry.since) || entry.taken < this.rate.limit
  }

  /** Whether one more of this key is within the limit; counts it. */
  take(key: string): boolean {
    const entry = this.entries.get(key)
    if (entry !== undefined && !this.isOver(entry.since)) {
      if (entry.taken >= this.rate.limit) return false
      entry.taken++
      return true
    }
    if (this.rate.limit < 1) return false
    this.entries.delete(key)
    this.forget()
    this.entries.set(key, { since: this.clock.monotonic(), taken: 1 })
    return true
  }

  private isOver(since: number): boolean {
    return this.clock.monotonic() - since >= this.rate.interval
  }

  /** Makes room for one more. */
  private forget(): void {
    for (const [key, { since }] of this.entries) {
      if (this.entries.size < this.rate.keys && !this.isOver(since)) return
      this.entries.delete(key)
    }
  }
}
