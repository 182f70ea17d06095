import type { Scheduler } from '../../base/scheduler'
import { Kick } from './kick'

/**
 * What a session was asked for and has not done yet: by its owner, by the server, by the device. Each
 * wish cuts the pause that the session is in short.
 */
export class Wishes {
  /** An Update, or a Register where the registration is lost. */
  update = false
  /** A new Register. */
  register = false
  /** Seconds of silence asked for by Execute `/1/x/4`. */
  disable: number | undefined
  /** Milliseconds of a reboot. */
  reboot: number | undefined
  private readonly kick: Kick

  constructor(private readonly clock: Scheduler) {
    this.kick = new Kick(clock)
  }

  /** Adds to what is wished, and wakes the session. */
  add(wish: Partial<Pick<Wishes, 'update' | 'register' | 'disable' | 'reboot'>>): void {
    Object.assign(this, wish)
    this.kick.now()
  }

  /** Wakes the session for something that is no wish, such as its end. */
  wake(): void {
    this.kick.now()
  }

  /** Pauses until something is wished, or for `ms`. */
  wait(ms: number): Promise<void> {
    return this.kick.wait(ms)
  }

  /** Pauses for `ms` (undefined: without end), however often it is woken, until it is `over`. */
  async pause(ms: number | undefined, over: () => boolean): Promise<void> {
    const { clock } = this
    const until = ms === undefined ? undefined : clock.monotonic() + ms
    while (!over()) {
      const left = until === undefined ? undefined : until - clock.monotonic()
      if (left !== undefined && left <= 0) return
      await this.kick.wait(left)
    }
  }
}
