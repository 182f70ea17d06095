import type { Operation } from './operation'

/**
 * The requests to one peer: at most NSTART at a time, the others are queued in order (RFC 7252
 * §4.7). A request counts until its *response* is complete with all its blocks, not only until its
 * ACK: many constrained devices can process exactly one.
 *
 * A list through the operations themselves, started ones first: mostly there is only one, and the
 * queue is dropped with it.
 */
export class RequestQueue {
  private first: Operation | undefined = undefined
  private last: Operation | undefined = undefined
  /** The first queued operation. */
  private next: Operation | undefined = undefined
  private active = 0
  private waiting = 0
  private advancing = false

  constructor(private readonly nstart: number) {}

  get empty(): boolean {
    return this.first === undefined
  }

  get waitingCount(): number {
    return this.waiting
  }

  /** Starts an operation, or queues it. */
  add(operation: Operation, front: boolean): void {
    const after = front ? this.next : undefined
    const before = after === undefined ? this.last : after.before
    operation.before = before
    operation.after = after
    if (before === undefined) this.first = operation
    else before.after = operation
    if (after === undefined) this.last = operation
    else after.before = operation
    if (front || this.next === undefined) this.next = operation
    this.waiting++
    this.advance()
  }

  /** Removes an operation that ended, and starts the next one. */
  remove(operation: Operation): void {
    const { before, after } = operation
    if (before === undefined && this.first !== operation) return
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    if (operation.begun) this.active--
    else this.waiting--
    if (this.next === operation) this.next = after
    operation.before = operation.after = undefined
    this.advance()
  }

  /** All operations, in order. */
  list(): Operation[] {
    const all: Operation[] = []
    for (let each = this.first; each !== undefined; each = each.after) all.push(each)
    return all
  }

  /** Takes over the operations of another queue, before its own (the peer moved). */
  absorb(other: RequestQueue): void {
    const both = [...other.list(), ...this.list()]
    const waiting = both.filter(({ begun }) => !begun)
    const all = [...both.filter(({ begun }) => begun), ...waiting]
    for (const [i, operation] of all.entries()) {
      operation.before = all[i - 1]
      operation.after = all[i + 1]
    }
    this.first = all[0]
    this.last = all.at(-1)
    this.next = waiting[0]
    this.active = all.length - waiting.length
    this.waiting = waiting.length
    other.first = other.last = other.next = undefined
    other.active = other.waiting = 0
  }

  private advance(): void {
    // An operation that fails at once calls this again; avoid a deep stack with a long queue.
    if (this.advancing) return
    this.advancing = true
    while (this.active < this.nstart && this.next !== undefined) {
      const { next } = this
      this.next = next.after
      this.active++
      this.waiting--
      next.begin()
    }
    this.advancing = false
  }
}
