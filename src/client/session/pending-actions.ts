import type { Scheduler } from '../../base/scheduler'
import { WakeUp } from './wake-up'

/**
 * What a session was asked to do and has not done yet: by its owner, the server or the device. Each
 * new action ends the pause that the session is in.
 */
export class PendingActions {
  /** An Update, or a Register where the registration is lost. */
  update = false
  /** A new Register. */
  register = false
  /** Seconds of silence asked for by Execute `/1/x/4`. */
  disable: number | undefined
  /** Milliseconds of a reboot. */
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

  /** Wakes the session for anything else, such as its end. */
  wake(): void {
    this.wakeUp.now()
  }

  /** Pauses until an action is added, or for `ms`. */
  wait(ms: number): Promise<void> {
    return this.wakeUp.wait(ms)
  }

  /** Pauses for `ms` (undefined: without end), however often it is woken, until it is `over`. */
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
