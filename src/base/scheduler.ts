import { arrivals } from './arrivals'
import type { Clock, TimerHandle } from './clock'
import { type ErrorSink, Guard } from './guard'
import { Timer, TimerQueue } from './timer-queue'

export { Timer } from './timer-queue'

/** Number of timers that fire in one turn of the event loop; the rest fire in the next one. */
const BATCH = 500
/**
 * A timer that is late by this many ms indicates that the event loop was blocked or the machine was
 * suspended.
 */
const LATE = 50
/** Maximum number of turns of the event loop in which sockets are read before late timers fire. */
const MOST_READS = 256

/** A timer with a callback; see {@link Scheduler.after}. */
class CallbackTimer extends Timer {
  constructor(private readonly callback: () => unknown) {
    super()
  }

  onTimer(): unknown {
    return this.callback()
  }
}

/**
 * Schedules all deferred calls of its owner. All timers share one timer of the clock; errors of
 * timers, detached promises and guarded callbacks go to the owner's sink.
 *
 * If timers are late (the event loop was blocked, the machine was suspended), the sockets are read
 * first: a message that arrived in time must win against a deadline that could not be checked.
 */
export class Scheduler extends Guard implements Clock {
  private readonly queue = new TimerQueue()
  private armedAt = Infinity
  private handle: TimerHandle | undefined = undefined
  /**
   * True while timers fire, or while the sockets are read first; no timer of the clock is set then.
   */
  private busy = false

  /** @param sink receives the errors of entries and emits them as warnings of the owner */
  constructor(
    readonly clock: Clock,
    sink: ErrorSink,
  ) {
    super(sink)
  }

  /** Wall-clock time in ms since the Unix epoch. */
  now(): number {
    return this.clock.now()
  }

  /** Monotonic time in ms. */
  monotonic(): number {
    return this.clock.monotonic()
  }

  /** Number of pending timers. */
  get pending(): number {
    return this.queue.size
  }

  /**
   * Makes `timer` fire after `ms`; a pending timer is rescheduled. With Infinity it never fires.
   */
  schedule(timer: Timer, ms: number): void {
    const now = this.clock.monotonic()
    this.add(timer, now + ms, now)
  }

  /**
   * Like {@link schedule}, with the monotonic time at which it is due. Postponing a timer is cheap.
   */
  scheduleAt(timer: Timer, deadline: number): void {
    this.add(timer, deadline, this.clock.monotonic())
  }

  /** Cancels a timer; does nothing if it is not pending. */
  cancel(timer: Timer | undefined): void {
    if (timer === undefined || !timer.isScheduled) return
    this.queue.remove(timer)
    // An owner that stops must leave no timer behind.
    if (this.queue.size === 0) this.disarm()
  }

  /** Calls `callback` once after `ms`; for timers in large numbers extend {@link Timer} instead. */
  after(ms: number, callback: () => unknown): Timer {
    const timer = new CallbackTimer(callback)
    this.schedule(timer, ms)
    return timer
  }

  /** Calls `callback` in the next turn of the event loop, after its sockets were read. */
  soon(callback: () => unknown): void {
    setImmediate(() => this.run('immediate', callback))
  }

  /** Calls `callback` as a microtask. */
  microtask(callback: () => unknown): void {
    queueMicrotask(() => this.run('microtask', callback))
  }

  /** {@link after} with the signature of `Clock`. */
  setTimeout(callback: () => void, ms: number): TimerHandle {
    return this.after(ms, callback)
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    if (handle instanceof Timer) this.cancel(handle)
  }

  /** Cancels all timers. */
  clear(): void {
    this.queue.clear()
    this.disarm()
  }

  private add(timer: Timer, deadline: number, now: number): void {
    if (deadline === Infinity) return this.cancel(timer)
    const at = this.queue.add(timer, deadline, now)
    // A timer that is due already when scheduled is not late.
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
   * Continues when two turns of the event loop have received nothing: the first may have begun
   * after the sockets were polled.
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
