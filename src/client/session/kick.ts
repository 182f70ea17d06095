import type { Scheduler } from '../../base/scheduler'

/** A pause that can be cut short; what cut it short is remembered until somebody waits. */
export class Kick {
  private kicked = false
  private wake: (() => void) | undefined

  constructor(private readonly clock: Scheduler) {}

  /** Ends the current pause, or the next one at once. */
  now(): void {
    this.kicked = true
    this.wake?.()
  }

  /** Waits until {@link now} is called or `ms` passed; without `ms`, until it is called. */
  async wait(ms?: number): Promise<void> {
    if (!this.kicked) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : this.clock.after(ms, () => resolve())
        this.wake = () => {
          this.clock.cancel(timer)
          resolve()
        }
      })
    }
    this.wake = undefined
    this.kicked = false
  }
}
