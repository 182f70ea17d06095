import type { Clock } from './clock'

export const SECOND = 1_000
export const MINUTE = 60_000
export const HOUR = 3_600_000

/** A named limit of events per interval. */
export interface Rate {
  /** What is counted, e.g. `warnings of a CoAP endpoint`. */
  readonly name: string
  /** Maximum number of events per interval. */
  readonly limit: number
  /** Length of the interval in milliseconds; it begins with the first event. */
  readonly interval: number
}

/** A {@link Rate} that is counted separately per key, such as the address of a sender. */
export interface KeyedRate extends Rate {
  /** Maximum number of keys remembered; beyond it the key whose interval began first is dropped. */
  readonly keys: number
}

/** Admits a limited number of events per interval and counts the others. */
export class RateLimiter {
  private since = -Infinity
  private taken = 0
  private refused = 0

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    readonly rate: Rate,
  ) {}

  /** Counts one event; returns whether it is within the limit. */
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

  /** Number of events refused since the last call. */
  takeRefused(): number {
    const { refused } = this
    this.refused = 0
    return refused
  }
}

/** A {@link RateLimiter} per key, with bounded memory. */
export class KeyedRateLimiter {
  /** Ordered by the start of their interval. */
  private readonly entries = new Map<string, { since: number; taken: number }>()

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    readonly rate: KeyedRate,
  ) {}

  /** Number of keys remembered. */
  get size(): number {
    return this.entries.size
  }

  /** Whether one more event of this key would be within the limit; does not count it. */
  allows(key: string): boolean {
    const entry = this.entries.get(key)
    return entry === undefined || this.isOver(entry.since) || entry.taken < this.rate.limit
  }

  /** Counts one event of this key; returns whether it is within the limit. */
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

  /** Drops the oldest key if the limit of keys is reached. */
  private forget(): void {
    for (const [key, { since }] of this.entries) {
      if (this.entries.size < this.rate.keys && !this.isOver(since)) return
      this.entries.delete(key)
    }
  }
}
