import type { Clock, TimerHandle } from '../../src/base/clock'

interface FakeTimer {
  at: number
  order: number
  callback: () => void
}

/** A clock that stands still until {@link FakeClock.advance} moves it; timers fire in order of time. */
export class FakeClock implements Clock {
  private time = 0
  private order = 0
  private readonly timers = new Set<FakeTimer>()

  /** @param epoch wall-clock time at the start, ms */
  constructor(private readonly epoch = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.epoch + this.time
  }

  monotonic(): number {
    return this.time
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    const timer = { at: this.time + Math.max(0, ms), order: this.order++, callback }
    this.timers.add(timer)
    return timer
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    this.timers.delete(handle as FakeTimer)
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.timers.size
  }

  /** Moves time forward, firing what falls due on the way, including what those timers arm. */
  advance(ms: number): void {
    const target = this.time + ms
    for (;;) {
      let next: FakeTimer | undefined
      for (const timer of this.timers) {
        if (timer.at > target) continue
        if (
          next === undefined ||
          timer.at < next.at ||
          (timer.at === next.at && timer.order < next.order)
        )
          next = timer
      }
      if (next === undefined) break
      this.timers.delete(next)
      this.time = Math.max(this.time, next.at)
      next.callback()
    }
    this.time = target
  }

  /**
   * Moves time forward at once, as where the event loop was blocked: what fell due meanwhile fires late,
   * all at the new time.
   */
  jump(ms: number): void {
    this.time += ms
    this.advance(0)
  }

  /** Like {@link advance}, in steps, letting promises and sockets proceed between them. */
  async run(ms: number, step = ms): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.advance(Math.min(step, left))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}
