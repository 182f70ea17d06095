import { LinkedList, ListNode } from './linked-list'

/** Something that falls due. Extend it: a timer then costs no closure. */
export abstract class Timer extends ListNode {
  /** When it is due, monotonic ms. For the scheduler only. */
  declare deadline: number

  constructor() {
    super()
    this.deadline = Infinity
  }

  /** Whether it waits. */
  get isScheduled(): boolean {
    return this.nextNode !== undefined
  }

  /** Called once when the time is over. What it throws goes to {@link onTimerError}. */
  abstract onTimer(): void

  /** {@link onTimer} threw: end what the timer belongs to, and nothing else. */
  onTimerError?(error: unknown): void
}

const BITS = 5
/** Slots of a level, one for each bit of its occupancy. */
const SLOTS = 1 << BITS
const MASK = SLOTS - 1
/** 32^7 ms are more than a year; what is due later goes round again. */
const LEVELS = 7
const HORIZON = SLOTS ** LEVELS
/** Milliseconds that a slot of each level spans. */
const WIDTHS = Array.from({ length: LEVELS }, (_, level) => SLOTS ** level)

/**
 * A hierarchical timing wheel (Varghese and Lauck, scheme 7) with a tick of 1 ms: adding and removing
 * are a few pointer writes, whatever the number of timers, and postponing is one number. It knows no
 * clock: times are monotonic milliseconds, given by the caller.
 */
export class TimerQueue {
  /** Slot `s` of level `l` is at `l * SLOTS + s`. */
  private readonly slots = new Array<LinkedList<Timer> | undefined>(LEVELS * SLOTS).fill(undefined)
  /** One bit for each slot that may be occupied; cleared when a look finds it empty. */
  private readonly occupied = new Int32Array(LEVELS)
  private readonly due = new LinkedList<Timer>()
  /** The last tick that was looked at. */
  private cursor = 0
  private count = 0

  /** Timers waiting. */
  get size(): number {
    return this.count
  }

  /**
   * Makes a timer due at `deadline`, also when it waits for another time already.
   * @param now no earlier than in any call before
   * @returns when {@link advance} is to be called for it at the latest; Infinity when that is arranged
   */
  add(timer: Timer, deadline: number, now: number): number {
    if (timer.nextNode !== undefined) {
      const postponed = deadline >= timer.deadline
      timer.deadline = deadline
      // It stays where it is, and is looked at again when that place comes up.
      if (postponed) return Infinity
    } else {
      // Nothing lies between the cursor of an empty queue and now.
      if (this.count++ === 0) this.cursor = Math.floor(now)
      timer.deadline = deadline
    }
    return this.link(timer)
  }

  /** Harmless when the timer does not wait. */
  remove(timer: Timer): void {
    if (timer.nextNode === undefined) return
    timer.unlink()
    this.count--
  }

  /** Moves on to `now`; {@link take} gives what has fallen due. */
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

  /** Takes out a timer that is due. */
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

  /** When {@link advance} is to be called next, Infinity when nothing waits. */
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

  /** Forgets all timers. */
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
    // What goes round again may come back to this slot, at its end.
    const last = slot.last
    for (let timer = slot.first; timer !== undefined; timer = slot.first) {
      this.link(timer)
      if (timer === last) break
    }
  }

  /** How many slots ahead of `base` the next occupied one is: 1 to 32, or 0 when there is none. */
  private nextOccupied(level: number, base: number): number {
    // The slot after the current one first.
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
