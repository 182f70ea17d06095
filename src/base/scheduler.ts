import { arrivals } from './arrivals'
import type { Clock, TimerHandle } from './clock'
import { type ErrorSink, Guard } from './guard'
import { Timer, TimerQueue } from './timer-queue'

export { Timer } from './timer-queue'

/** How many timers fire in one turn of the event loop; the rest follows in the next one. */
const BATCH = 500
/** A timer that comes this much late (ms) found the event loop blocked, or the machine asleep. */
const LATE = 50
/** Turns of the event loop in which sockets are read before late timers fire, at most. */
const MOST_READS = 256

/** A timer that calls back; see {@link Scheduler.after}. */
class CallbackTimer extends Timer {
  constructor(private readonly callback: () => unknown) {
    super()
  }

  onTimer(): unknown {
    return this.callback()
  }
}

/**
 * The one place from which anything is called later. All timers of its owner wait on one timer of the
 * clock; what a timer, a detached promise or a guarded callback throws goes to the owner's sink.
 *
 * When timers come late (the event loop was blocked, the machine was suspended), the sockets are read
 * first: what arrived in time must not lose against a deadline that nobody could look at.
 */
export class Scheduler extends Guard implements Clock {
  private readonly queue = new TimerQueue()
  private armedAt = Infinity
  private handle: TimerHandle | undefined = undefined
  /** While timers fire, or wait for the sockets; nothing is armed then. */
  private busy = false

  /** @param sink gets what an entry threw, and says so as a warning of the owner */
  constructor(
    readonly clock: Clock,
    sink: ErrorSink,
  ) {
    super(sink)
  }

  /** Wall-clock time, ms since the Unix epoch. */
  now(): number {
    return this.clock.now()
  }

  /** Monotonic ms. */
  monotonic(): number {
    return this.clock.monotonic()
  }

  /** Timers waiting. */
  get pending(): number {
    return this.queue.size
  }

  /** Makes `timer` fire after `ms`, also when it waits already. With Infinity it never does. */
  schedule(timer: Timer, ms: number): void {
    const now = this.clock.monotonic()
    this.add(timer, now + ms, now)
  }

  /** {@link schedule} by the monotonic time at which it is due. To postpone a timer costs nothing. */
  scheduleAt(timer: Timer, deadline: number): void {
    this.add(timer, deadline, this.clock.monotonic())
  }

  /** Harmless when the timer does not wait. */
  cancel(timer: Timer | undefined): void {
    if (timer === undefined || !timer.isScheduled) return
    this.queue.remove(timer)
    // Who stops leaves nothing behind.
    if (this.queue.size === 0) this.disarm()
  }

  /** Calls `callback` once after `ms`; where there are many, extend {@link Timer} instead. */
  after(ms: number, callback: () => unknown): Timer {
    const timer = new CallbackTimer(callback)
    this.schedule(timer, ms)
    return timer
  }

  /** Calls `callback` in the next turn of the event loop, after its sockets were read. */
  soon(callback: () => unknown): void {
    setImmediate(() => this.run('immediate', callback))
  }

  /** Calls `callback` when the code that runs now has come to its end. */
  microtask(callback: () => unknown): void {
    queueMicrotask(() => this.run('microtask', callback))
  }

  /** {@link after}, as the `Clock` of a part that takes one. */
  setTimeout(callback: () => void, ms: number): TimerHandle {
    return this.after(ms, callback)
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    if (handle instanceof Timer) this.cancel(handle)
  }

  /** Forgets all timers; none fires any more. */
  clear(): void {
    this.queue.clear()
    this.disarm()
  }

  private add(timer: Timer, deadline: number, now: number): void {
    if (deadline === Infinity) return this.cancel(timer)
    const at = this.queue.add(timer, deadline, now)
    // What was due before it was asked for is not late.
    if (at < this.armedAt && !this.busy) this.arm(Math.max(at, now))
  }

  private disarm(): void {
    this.clock.clearTimeout(this.handle)
    this.armedAt = Infinity
  }

  private arm(at: number): void {
    this.clock.clearTimeout(this.handle)
    this.armedAt = at
    const wait = at - this.clock.monotonic()
    this.handle = this.clock.setTimeout(this.wake, Math.max(0, Math.ceil(wait)))
  }

  private readonly wake = (): void => {
    const late = this.clock.monotonic() - this.armedAt
    this.armedAt = Infinity
    this.busy = true
    if (late > LATE) this.readSockets(MOST_READS)
    else this.fire()
  }

  /**
   * Fires when two turns of the event loop have brought nothing from any socket: the first may have
   * begun after the sockets were looked at.
   */
  private readSockets(left: number, quiet = 0): void {
    const before = arrivals()
    setImmediate(() => {
      const nothing = arrivals() === before
      if (left > 0 && !(nothing && quiet > 0)) this.readSockets(left - 1, nothing ? quiet + 1 : 0)
      else this.fire()
    })
  }

  private fire(): void {
    const { queue } = this
    queue.advance(this.clock.monotonic())
    for (let fired = 0; fired < BATCH; fired++) {
      const timer = queue.take()
      if (timer === undefined) break
      try {
        const result: unknown = timer.onTimer()
        if (result !== undefined) this.settle('timer', result)
      } catch (error) {
        this.failed(timer, error)
      }
    }
    this.busy = false
    const next = queue.nextAt
    if (next !== Infinity) this.arm(next)
  }

  private failed(timer: Timer, error: unknown): void {
    this.report(error, 'timer')
    try {
      timer.onTimerError?.(error)
    } catch (failure) {
      this.report(failure, 'timer')
    }
  }
}
