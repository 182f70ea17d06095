import type { Clock, TimerHandle } from '../base/clock'

/** Something that waits in a {@link TimerWheel}. Extend it: a timer then costs no closure. */
export abstract class WheelTimer {
  /** The tick it fires at; -1 while it waits for nothing. For the wheel only. */
  dueTick = -1
  /** For the wheel only. */
  slot = -1
  /** For the wheel only. */
  nextTimer: WheelTimer | undefined = undefined
  /** For the wheel only. */
  previousTimer: WheelTimer | undefined = undefined

  /** Called once when the time is over. Must not throw. */
  abstract onTimer(): void
}

/** Milliseconds. Timers fire up to this much late, never early. */
const TICK = 10
/** A power of two: one turn of the wheel is 10.24 s, longer timers go round several times. */
const SLOTS = 1024
/** The list of timers that are about to fire; a list of its own so that they may cancel each other. */
const FIRING = SLOTS

/**
 * Many timers on one timer of the clock: scheduling and cancelling are a few pointer writes. The
 * clock's timer is armed for the next occupied slot only, so an idle wheel wakes nobody.
 */
export class TimerWheel {
  private readonly slots: (WheelTimer | undefined)[] = new Array<WheelTimer | undefined>(
    SLOTS + 1,
  ).fill(undefined)
  private readonly epoch: number
  /** The last tick that was worked off. */
  private cursor = 0
  private count = 0
  private armedTick = Infinity
  private handle: TimerHandle | undefined = undefined
  private turning = false

  constructor(private readonly clock: Clock) {
    this.epoch = clock.monotonic()
  }

  /** Timers waiting. */
  get size(): number {
    return this.count
  }

  /** Makes `timer` fire after `ms` milliseconds, also when it waits for something else already. */
  schedule(timer: WheelTimer, ms: number): void {
    if (timer.dueTick >= 0) this.unlink(timer)
    const elapsed = this.clock.monotonic() - this.epoch
    // An empty wheel may have stood still for long; nothing lies between the cursor and now.
    if (this.count === 0 && !this.turning) this.cursor = Math.floor(elapsed / TICK)
    const due = Math.max(this.cursor + 1, Math.ceil((elapsed + ms) / TICK))
    timer.dueTick = due
    this.link(timer, due & (SLOTS - 1))
    if (due < this.armedTick && !this.turning) this.arm(due)
  }

  /** Harmless when the timer waits for nothing. */
  cancel(timer: WheelTimer): void {
    if (timer.dueTick >= 0) this.unlink(timer)
  }

  /** Forgets all timers; none fires any more. */
  clear(): void {
    for (let slot = 0; slot <= SLOTS; slot++) {
      for (let timer = this.slots[slot]; timer !== undefined; timer = this.slots[slot]) {
        this.unlink(timer)
      }
    }
    this.clock.clearTimeout(this.handle)
    this.armedTick = Infinity
  }

  private link(timer: WheelTimer, slot: number): void {
    const head = this.slots[slot]
    timer.slot = slot
    timer.nextTimer = head
    timer.previousTimer = undefined
    if (head !== undefined) head.previousTimer = timer
    this.slots[slot] = timer
    this.count++
  }

  private unlink(timer: WheelTimer): void {
    const { nextTimer, previousTimer } = timer
    if (previousTimer === undefined) this.slots[timer.slot] = nextTimer
    else previousTimer.nextTimer = nextTimer
    if (nextTimer !== undefined) nextTimer.previousTimer = previousTimer
    timer.nextTimer = undefined
    timer.previousTimer = undefined
    timer.dueTick = -1
    this.count--
  }

  private arm(tick: number): void {
    this.clock.clearTimeout(this.handle)
    this.armedTick = tick
    const wait = this.epoch + tick * TICK - this.clock.monotonic()
    this.handle = this.clock.setTimeout(this.turn, Math.max(0, Math.ceil(wait)))
  }

  /** Works off the ticks up to now. */
  private readonly turn = (): void => {
    this.armedTick = Infinity
    this.turning = true
    const now = Math.floor((this.clock.monotonic() - this.epoch) / TICK)
    const from = Math.max(this.cursor + 1, now - SLOTS + 1)
    this.cursor = now
    for (let tick = from; tick <= now; tick++) this.collect(tick & (SLOTS - 1), now)
    for (let timer = this.slots[FIRING]; timer !== undefined; timer = this.slots[FIRING]) {
      this.unlink(timer)
      timer.onTimer()
    }
    this.turning = false
    if (this.count > 0) this.arm(this.nextOccupied())
  }

  private collect(slot: number, now: number): void {
    let timer = this.slots[slot]
    while (timer !== undefined) {
      const next: WheelTimer | undefined = timer.nextTimer
      const due = timer.dueTick
      if (due <= now) {
        this.unlink(timer)
        timer.dueTick = due
        this.link(timer, FIRING)
      }
      timer = next
    }
  }

  private nextOccupied(): number {
    let tick = this.cursor + 1
    while (this.slots[tick & (SLOTS - 1)] === undefined && tick < this.cursor + SLOTS) tick++
    return tick
  }
}
