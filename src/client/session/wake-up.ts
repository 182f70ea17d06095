import type { Scheduler } from '../../base/scheduler'

/** A pause that can be ended early; an early end is remembered until the next pause. */
export class WakeUp {
  private requested = false
  private wake: (() => void) | undefined

  constructor(private readonly clock: Scheduler) {}

  /** Ends the current pause, or the next one at once. */
  now(): void {
    this.requested = true
    this.wake?.()
  }

  /** Waits until {@link now} is called or `ms` have passed; without `ms`, until it is called. */
  async wait(ms?: number): Promise<void> {
    if (!this.requested) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : this.clock.after(ms, () => resolve())
        this.wake = () => {
          this.clock.cancel(timer)
          resolve()
        }
      })
    }
    this.wake = undefined
    this.requested = false
  }
}
