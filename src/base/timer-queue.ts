import { LinkedList, ListNode } from './linked-list'

/** A timer. Extend it, so that a timer needs no closure. */
export abstract class Timer extends ListNode {
  /** Monotonic time in ms at which it is due. Only for the scheduler. */
  declare deadline: number

  constructor() {
    super()
    this.deadline = Infinity
  }

  /** Whether it is pending. */
  get isScheduled(): boolean {
    return this.nextNode !== undefined
  }

  /** Called once when it is due. Errors are passed to {@link onTimerError}. */
  abstract onTimer(): void

  /** Called when {@link onTimer} threw: end only what the timer belongs to. */
  onTimerError?(error: unknown): void
}

const BITS = 5
/** Slots of a level, one per bit of its occupancy. */
const SLOTS = 1 << BITS
const MASK = SLOTS - 1
/** 32^7 ms are more than a year; timers beyond that go round again. */
const LEVELS = 7
const HORIZON = SLOTS ** LEVELS
/** Milliseconds covered by a slot of each level. */
const WIDTHS = Array.from({ length: LEVELS }, (_, level) => SLOTS ** level)

/**
 * A hierarchical timing wheel (Varghese and Lauck, scheme 7) with a tick of 1 ms: adding and
 * removing are a few pointer writes, independent of the number of timers, and postponing writes one
 * number. It has no clock: times are monotonic milliseconds given by the caller.
 */
export class TimerQueue {
  /** Slot `s` of level `l` is at `l * SLOTS + s`. */
  private readonly slots = new Array<LinkedList<Timer> | undefined>(LEVELS * SLOTS).fill(undefined)
  /** One bit per slot that may be occupied; cleared when the slot is found empty. */
  private readonly occupied = new Int32Array(LEVELS)
  private readonly due = new LinkedList<Timer>()
  /** The last tick that was processed. */
  private cursor = 0
  private count = 0

  /** Number of pending timers. */
  get size(): number {
    return this.count
  }

  /**
   * Makes a timer due at `deadline`; a pending timer is rescheduled.
   * @param now no earlier than in any previous call
   * @returns the time by which {@link advance} must be called for it; Infinity if no earlier call
   *   is needed
   */
  add(timer: Timer, deadline: number, now: number): number {
    if (timer.nextNode !== undefined) {
      const postponed = deadline >= timer.deadline
      timer.deadline = deadline
      // It stays in its slot and is rescheduled when that slot is reached.
      if (postponed) return Infinity
    } else {
      // The queue is empty: skip to now.
      if (this.count++ === 0) this.cursor = Math.floor(now)
      timer.deadline = deadline
    }
    return this.link(timer)
  }

  /** Removes a timer; does nothing if it is not pending. */
  remove(timer: Timer): void {
    if (timer.nextNode === undefined) return
    timer.unlink()
    this.count--
  }

  /** Advances to `now`; {@link take} then returns the timers that are due. */
  advance(now: number): void {
    const from = this.cursor
    const to = Math.floor(now)
    if (to <= from) return
    this.cursor = to
    for (let level = 0; level < LEVELS; level++) {
      if (this.occupied[level] === 0) continue
      const width = WIDTHS[level] as number
      const last = Math.floor(to / width)
      const first = Math.max(Math.floor(from / width) + 1, last - MASK)
      for (let slot = first; slot <= last; slot++) this.relink(level * SLOTS + (slot & MASK))
    }
  }

  /** Removes and returns a timer that is due. */
  take(): Timer | undefined {
    for (let timer = this.due.first; timer !== undefined; timer = this.due.first) {
      if (timer.deadline > this.cursor) {
        this.link(timer)
        continue
      }
      timer.unlink()
      this.count--
      return timer
    }
    return undefined
  }

  /** When {@link advance} must be called next; Infinity if no timer is pending. */
  get nextAt(): number {
    if (!this.due.isEmpty) return this.cursor
    let next = Infinity
    for (let level = 0; level < LEVELS; level++) {
      const width = WIDTHS[level] as number
      const base = Math.floor(this.cursor / width)
      const ahead = this.nextOccupied(level, base)
      if (ahead > 0) next = Math.min(next, (base + ahead) * width)
    }
    return next
  }

  /** Removes all timers. */
  clear(): void {
    for (const list of [this.due, ...this.slots]) {
      for (let timer = list?.first; timer !== undefined; timer = list?.first) timer.unlink()
    }
    this.occupied.fill(0)
    this.count = 0
  }

  private link(timer: Timer): number {
    const { cursor } = this
    let tick = Math.ceil(timer.deadline)
    let delta = tick - cursor
    if (delta <= 0) {
      this.due.append(timer)
      return cursor
    }
    if (delta >= HORIZON) {
      delta = HORIZON - 1
      tick = cursor + delta
    }
    const level = delta < 2 ** 31 ? ((31 - Math.clz32(delta)) / BITS) | 0 : LEVELS - 1
    const width = WIDTHS[level] as number
    const place = Math.floor(tick / width)
    const slot = place & MASK
    const index = level * SLOTS + slot
    const list = (this.slots[index] ??= new LinkedList())
    list.append(timer)
    this.occupied[level] = (this.occupied[level] as number) | (1 << slot)
    return place * width
  }

  private relink(index: number): void {
    const slot = this.slots[index]
    if (slot === undefined) return
    // A timer that goes round again may be appended to this same slot.
    const last = slot.last
    for (let timer = slot.first; timer !== undefined; timer = slot.first) {
      this.link(timer)
      if (timer === last) break
    }
  }

  /** Distance in slots from `base` to the next occupied one: 1 to 32, or 0 if there is none. */
  private nextOccupied(level: number, base: number): number {
    // Rotates the bits, so that the slot after the current one is the lowest.
    const turn = (base + 1) & MASK
    for (let bits = this.occupied[level] as number; bits !== 0;) {
      const rotated = turn === 0 ? bits : (bits >>> turn) | (bits << (SLOTS - turn))
      const ahead = 31 - Math.clz32(rotated & -rotated)
      const slot = (turn + ahead) & MASK
      if (this.slots[level * SLOTS + slot]?.isEmpty === false) return ahead + 1
      bits &= ~(1 << slot)
      this.occupied[level] = bits
    }
    return 0
  }
}
