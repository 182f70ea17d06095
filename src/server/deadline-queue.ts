import type { Clock, TimerHandle } from '../base/clock'

/** Something that falls due. {@link DeadlineQueue} owns `heapAt` and `heapIndex`. */
export interface Scheduled {
  /** When it is due, monotonic ms; `Infinity` for never. The owner changes it and calls `schedule`. */
  deadline: number
  /** Where the heap has it: at or before {@link deadline}. */
  heapAt: number
  /** -1 while it is not in the heap. */
  heapIndex: number
}

/** How many items may fall due in one turn of the event loop; the rest follows in the next one. */
const BATCH = 500

/** Node's timers fire up to a millisecond early. */
const TIMER_SLACK = 1

/**
 * Many deadlines behind one timer. To postpone an item costs nothing: it keeps its place in the heap
 * and is looked at again when that place comes up. That is what a registration update does.
 */
export class DeadlineQueue<T extends Scheduled> {
  private readonly heap: T[] = []
  private timer: TimerHandle | undefined
  private timerAt = Infinity

  constructor(
    private readonly clock: Clock,
    private readonly onDue: (item: T) => void,
  ) {}

  get size(): number {
    return this.heap.length
  }

  /** Takes an item's {@link Scheduled.deadline} into account: new, earlier or later. */
  schedule(item: T): void {
    if (item.heapIndex >= 0) {
      if (item.heapAt <= item.deadline) return
      item.heapAt = item.deadline
      this.up(item.heapIndex)
    } else {
      if (item.deadline === Infinity) return
      item.heapAt = item.deadline
      item.heapIndex = this.heap.length
      this.heap.push(item)
      this.up(item.heapIndex)
    }
    this.arm()
  }

  remove(item: T): void {
    const index = item.heapIndex
    if (index < 0) return
    item.heapIndex = -1
    const last = this.heap.pop() as T
    if (last === item) return
    this.put(last, index)
    this.up(index)
    this.down(last.heapIndex)
  }

  /** Forgets everything and stops the timer. */
  clear(): void {
    for (const item of this.heap) item.heapIndex = -1
    this.heap.length = 0
    this.clock.clearTimeout(this.timer)
    this.timer = undefined
    this.timerAt = Infinity
  }

  private arm(): void {
    const first = this.heap[0]
    if (first === undefined || first.heapAt >= this.timerAt) return
    this.clock.clearTimeout(this.timer)
    this.timerAt = first.heapAt
    const wait = Math.max(0, first.heapAt - this.clock.monotonic())
    this.timer = this.clock.setTimeout(this.run, wait)
  }

  private readonly run = (): void => {
    this.timer = undefined
    this.timerAt = Infinity
    const now = this.clock.monotonic() + TIMER_SLACK
    for (let done = 0; done < BATCH; done++) {
      const first = this.heap[0]
      if (first === undefined || first.heapAt > now) break
      this.remove(first)
      if (first.deadline > now) this.schedule(first)
      else this.onDue(first)
    }
    this.arm()
  }

  private put(item: T, index: number): void {
    this.heap[index] = item
    item.heapIndex = index
  }

  private up(index: number): void {
    const item = this.heap[index] as T
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.heap[parent] as T
      if (above.heapAt <= item.heapAt) break
      this.put(above, index)
      index = parent
    }
    this.put(item, index)
  }

  private down(index: number): void {
    const item = this.heap[index] as T
    for (;;) {
      let child = 2 * index + 1
      const left = this.heap[child]
      if (left === undefined) break
      const right = this.heap[child + 1]
      let least = left
      if (right !== undefined && right.heapAt < left.heapAt) {
        least = right
        child++
      }
      if (least.heapAt >= item.heapAt) break
      this.put(least, index)
      index = child
    }
    this.put(item, index)
  }
}
