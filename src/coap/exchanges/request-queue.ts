import type { Operation } from './operation'

/**
 * The requests to one peer: at most NSTART at a time, the others wait in order (RFC 7252 §4.7). A
 * request counts until its *response* is whole, not only until its ACK, and with all its blocks:
 * many constrained devices take exactly one.
 *
 * A list through the operations themselves, those under way first: mostly there is one, and the queue
 * goes with it.
 */
export class RequestQueue {
  private first: Operation | undefined = undefined
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

  /** Starts it, now or in its turn. */
  add(operation: Operation, front: boolean): void {
    this.insert(operation, front ? this.active : this.active + this.waiting)
    this.waiting++
    this.advance()
  }

  /** It is over, or gave up waiting; the next one starts. */
  remove(operation: Operation): void {
    let before: Operation | undefined
    let index = 0
    for (let each = this.first; each !== operation; each = each.following) {
      if (each === undefined) return
      before = each
      index++
    }
    if (before === undefined) this.first = operation.following
    else before.following = operation.following
    operation.following = undefined
    if (index < this.active) this.active--
    else this.waiting--
    this.advance()
  }

  /** All of them, in order. */
  list(): Operation[] {
    const all: Operation[] = []
    for (let each = this.first; each !== undefined; each = each.following) all.push(each)
    return all
  }

  /** Takes over what another queue had, before its own (the peer moved). */
  absorb(other: RequestQueue): void {
    const theirs = other.list()
    const own = this.list()
    const all = [
      ...theirs.slice(0, other.active),
      ...own.slice(0, this.active),
      ...theirs.slice(other.active),
      ...own.slice(this.active),
    ]
    for (const [i, operation] of all.entries()) operation.following = all[i + 1]
    this.first = all[0]
    this.active += other.active
    this.waiting += other.waiting
    other.first = undefined
    other.active = other.waiting = 0
  }

  private insert(operation: Operation, index: number): void {
    let before: Operation | undefined
    let after = this.first
    for (let i = 0; i < index; i++) {
      before = after
      after = after?.following
    }
    operation.following = after
    if (before === undefined) this.first = operation
    else before.following = operation
  }

  private advance(): void {
    // One that fails at once comes back here; a long queue of such must not become a deep stack.
    if (this.advancing) return
    this.advancing = true
    while (this.active < this.nstart && this.waiting > 0) {
      let next = this.first
      for (let i = 0; i < this.active; i++) next = next?.following
      this.active++
      this.waiting--
      next?.begin()
    }
    this.advancing = false
  }
}
