import type { Operation } from './operation'

/**
 * The requests to one peer: at most NSTART at a time, the others wait in order (RFC 7252 §4.7). A
 * request counts until its *response* is whole, not only until its ACK, and with all its blocks:
 * many constrained devices have room for exactly one.
 */
export class RequestQueue {
  private active: Operation[] = []
  private waiting: Operation[] = []
  private advancing = false

  constructor(private readonly nstart: number) {}

  get empty(): boolean {
    return this.active.length === 0 && this.waiting.length === 0
  }

  get waitingCount(): number {
    return this.waiting.length
  }

  /** Starts it, now or in its turn. */
  add(operation: Operation, front: boolean): void {
    if (front) this.waiting.unshift(operation)
    else this.waiting.push(operation)
    this.advance()
  }

  /** It is over, or gave up waiting; the next one starts. */
  remove(operation: Operation): void {
    const list = this.active.includes(operation) ? this.active : this.waiting
    const index = list.indexOf(operation)
    if (index >= 0) list.splice(index, 1)
    this.advance()
  }

  /** All of them, in order. */
  list(): Operation[] {
    return [...this.active, ...this.waiting]
  }

  /** Takes over what another queue had (the peer moved). */
  absorb(other: RequestQueue): void {
    this.active = [...other.active, ...this.active]
    this.waiting = [...other.waiting, ...this.waiting]
    other.active = []
    other.waiting = []
  }

  private advance(): void {
    // One that fails at once comes back here; a long queue of such must not become a deep stack.
    if (this.advancing) return
    this.advancing = true
    while (this.active.length < this.nstart) {
      const next = this.waiting.shift()
      if (next === undefined) break
      this.active.push(next)
      next.begin()
    }
    this.advancing = false
  }
}
