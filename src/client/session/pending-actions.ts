import type { Scheduler } from '../../base/scheduler'
import { WakeUp } from './wake-up'

/**
 * Pending actions of a session, requested by its owner, the server or the device. Each new action
 * ends the current pause of the session.
 */
export class PendingActions {
  /** Send an Update, or a Register if the registration is lost. */
  update = false
  /** A new Register. */
  register = false
  /** Disable time in seconds of Execute `/1/x/4`. */
  disable: number | undefined
  /** Duration of a reboot in milliseconds. */
  reboot: number | undefined
  private readonly wakeUp: WakeUp

  constructor(private readonly clock: Scheduler) {
    this.wakeUp = new WakeUp(clock)
  }

  /** Adds an action, and wakes the session. */
  add(action: Partial<Pick<PendingActions, 'update' | 'register' | 'disable' | 'reboot'>>): void {
    Object.assign(this, action)
    this.wakeUp.now()
  }

  /** Wakes the session for another reason, such as its end. */
  wake(): void {
    this.wakeUp.now()
  }

  /** Pauses until an action is added, or for `ms`. */
  wait(ms: number): Promise<void> {
    return this.wakeUp.wait(ms)
  }

  /**
   * Pauses for `ms` (undefined: without limit), however often it is woken, until `over` returns
   * true.
   */
  async pause(ms: number | undefined, over: () => boolean): Promise<void> {
    const { clock } = this
    const until = ms === undefined ? undefined : clock.monotonic() + ms
    while (!over()) {
      const left = until === undefined ? undefined : until - clock.monotonic()
      if (left !== undefined && left <= 0) return
      await this.wakeUp.wait(left)
    }
  }
}
