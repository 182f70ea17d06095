import type { Scheduler, Timer } from '../../base/scheduler'
import type { DeviceObservation } from './device-observation'

/** How long an observation waits for a subscription, ms. */
const GRACE = 60_000

/**
 * Observations without a subscription, since a restart or since their listener was made anew: each
 * waits a minute for one, and is then ended.
 */
export class UnsubscribedObservations {
  /** Until when (monotonic ms) each waits; the first is the first to be due. */
  private readonly due = new Map<DeviceObservation, number>()
  private timer: Timer | undefined

  /** @param end told of each whose time is over, and that still has no subscription */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly end: (observation: DeviceObservation) => void,
  ) {}

  add(observation: DeviceObservation): void {
    this.due.delete(observation)
    this.due.set(observation, this.scheduler.monotonic() + GRACE)
    this.arm(GRACE)
  }

  clear(): void {
    this.due.clear()
    this.scheduler.cancel(this.timer)
    this.timer = undefined
  }

  private arm(delay: number): void {
    this.timer ??= this.scheduler.after(delay, () => this.onTimer())
  }

  private onTimer(): void {
    this.timer = undefined
    const now = this.scheduler.monotonic()
    for (const [observation, due] of this.due) {
      if (due > now) return this.arm(due - now)
      this.due.delete(observation)
      if (observation.subscribers.empty) this.end(observation)
    }
  }
}
