/** What a node that is being made anew leaves to its next self. */
export interface Parked {
  /** Nobody takes it: the next self is another kind of node, or there is none. */
  abandon(): void
}

/** What nodes leave to their next selves during one deploy, by a key of their own. */
export class Handover {
  private readonly parked = new Map<string, Parked>()
  private closed = false

  park(key: string, left: Parked): void {
    if (this.closed) return left.abandon()
    this.parked.get(key)?.abandon()
    this.parked.set(key, left)
  }

  /** Takes what was left, if it is of this class. */
  take<T extends Parked>(key: string, type: abstract new (...args: never[]) => T): T | undefined {
    const left = this.parked.get(key)
    if (!(left instanceof type)) return undefined
    this.parked.delete(key)
    return left
  }

  /** The deploy is over. */
  abandonAll(): void {
    const left = [...this.parked.values()]
    this.parked.clear()
    for (const one of left) one.abandon()
  }

  /** The server stops for good: nothing can be left any more. */
  close(): void {
    this.closed = true
    this.abandonAll()
  }
}
