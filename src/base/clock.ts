/** A pending timer; pass it to {@link Clock.clearTimeout}. */
export type TimerHandle = object

/**
 * The source of time of the engine. Everything that uses timers or dates takes a `Clock`, so that
 * tests can advance time by hand instead of sleeping (see `test/support/fake-clock.ts`).
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch; used for stored and displayed dates. */
  now(): number
  /** Monotonic time in milliseconds; used for intervals. */
  monotonic(): number
  /**
   * Calls `callback` once after `ms` milliseconds (may exceed 2^31-1). Never keeps the process
   * alive.
   */
  setTimeout(callback: () => void, ms: number): TimerHandle
  /** Cancels a timer; does nothing if it has already fired. */
  clearTimeout(handle: TimerHandle | undefined): void
}

/**
 * Node's timers fire at once beyond 2^31-1 ms, so longer ones are split into steps of this size.
 */
const LONGEST_STEP = 2 ** 31 - 1

class SystemTimer {
  private timer: NodeJS.Timeout

  constructor(callback: () => void, ms: number) {
    this.timer = this.arm(callback, ms)
  }

  private arm(callback: () => void, ms: number): NodeJS.Timeout {
    const step = Math.min(ms, LONGEST_STEP)
    const timer = setTimeout(() => {
      if (ms > step) this.timer = this.arm(callback, ms - step)
      else callback()
    }, step)
    timer.unref()
    return timer
  }

  clear(): void {
    clearTimeout(this.timer)
  }
}

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => new SystemTimer(callback, ms),
  clearTimeout: (handle) => {
    if (handle instanceof SystemTimer) handle.clear()
  },
}
