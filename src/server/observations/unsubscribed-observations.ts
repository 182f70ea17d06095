import type { Scheduler, Timer } from '../../base/scheduler'
import type { DeviceObservation } from './device-observation'

/** How long a relation waits for somebody who wants it, ms. */
const GRACE = 60_000

/**
 * Relations that nobody listens to, since a restart or since their listener was made anew: each waits
 * a minute for somebody who wants it, and is then given up.
 */
export class UnsubscribedObservations {
  /** Until when (monotonic ms) each waits; the first is the first to be due. */
  private readonly due = new Map<DeviceObservation, number>()
  private timer: Timer | undefined

  /** @param giveUp told of each whose time is over, and that still nobody listens to */
  constructor(
    private readonly clock: Scheduler,
    private readonly giveUp: (relation: DeviceObservation) => void,
  ) {}

  add(relation: DeviceObservation): void {
    this.due.delete(relation)
    this.due.set(relation, this.clock.monotonic() + GRACE)
    this.arm(GRACE)
  }

  clear(): void {
    this.due.clear()
    this.clock.cancel(this.timer)
    this.timer = undefined
  }

  private arm(delay: number): void {
    this.timer ??= this.clock.after(delay, () => this.onTimer())
  }

  private onTimer(): void {
    this.timer = undefined
    const now = this.clock.monotonic()
    for (const [relation, due] of this.due) {
      if (due > now) return this.arm(due - now)
      this.due.delete(relation)
      if (relation.subscribers.empty) this.giveUp(relation)
    }
  }
}
