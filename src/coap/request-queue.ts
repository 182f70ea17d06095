import type { Operation } from './operation'

/**
 * The requests to one peer: at most NSTART at a time, the others wait in order (RFC 7252 §4.7). A
 * request counts until its *response* is whole, not only until its ACK, and with all its blocks:
 * many constrained devices have room for exactly one.
 */
export class RequestQueue {
  private readonly active = new Set<Operation>()
  private waiting: Operation[] = []
  private advancing = false

  constructor(private readonly nstart: number) {}

  get empty(): boolean {
    return this.active.size === 0 && this.waiting.length === 0
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
    if (!this.active.delete(operation)) {
      const index = this.waiting.indexOf(operation)
      if (index >= 0) this.waiting.splice(index, 1)
    }
    this.advance()
  }

  /** All of them, in order. */
  list(): Operation[] {
    return [...this.active, ...this.waiting]
  }

  /** Takes over what another queue had (the peer moved). */
  absorb(other: RequestQueue): void {
    for (const operation of other.active) this.active.add(operation)
    this.waiting = [...other.waiting, ...this.waiting]
    other.active.clear()
    other.waiting = []
  }

  private advance(): void {
    // One that fails at once comes back here; a long queue of such must not become a deep stack.
    if (this.advancing) return
    this.advancing = true
    while (this.active.size < this.nstart) {
      const next = this.waiting.shift()
      if (next === undefined) break
      this.active.add(next)
      next.begin()
    }
    this.advancing = false
  }
}
