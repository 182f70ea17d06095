import type { Scheduler, Timer } from '../../base/scheduler'

/**
 * Whether a queue-mode device listens (Core §6.5): for the length of the window after any message,
 * and as long as one of its own exchanges is pending.
 */
export class AwakeWindow {
  private awake = true
  private busy = 0
  private timer: Timer | undefined

  /**
   * @param window milliseconds after the last message
   * @param onChange called when the device wakes up or falls asleep
   */
  constructor(
    private readonly clock: Scheduler,
    private readonly window: number,
    private readonly onChange: (awake: boolean) => void,
  ) {}

  get isAwake(): boolean {
    return this.awake
  }

  /** A message was sent or received: restarts the window. */
  touch(): void {
    this.clock.cancel(this.timer)
    this.timer = this.clock.after(this.window, () => this.elapsed())
    if (this.awake) return
    this.awake = true
    this.onChange(true)
  }

  /** Stays awake while `work` runs, and for one window afterwards. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.busy++
    this.touch()
    try {
      return await work()
    } finally {
      this.busy--
      this.touch()
    }
  }

  /** Falls asleep at once, unless an exchange is pending. */
  sleep(): void {
    this.elapsed()
  }

  /** Cancels the timer; awake from now on. */
  close(): void {
    this.clock.cancel(this.timer)
    this.timer = undefined
    this.awake = true
  }

  private elapsed(): void {
    if (this.busy > 0 || !this.awake) return
    this.clock.cancel(this.timer)
    this.timer = undefined
    this.awake = false
    this.onChange(false)
  }
}
