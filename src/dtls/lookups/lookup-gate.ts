/** A lookup that is running or queued; release it when its handshake ends, in any case. */
export interface LookupTicket {
  release(): void
}

/**
 * Limits the number of concurrent credential lookups; others are queued. The queue is bounded by
 * the half-open handshakes, each of which has at most one lookup.
 */
export class LookupGate {
  private running = 0
  private readonly waiting = new Set<() => void>()

  constructor(private readonly limit: number) {}

  /** Calls `start` now or in its turn, unless it was released before. */
  enter(start: () => void): LookupTicket {
    let state: 'waiting' | 'running' | 'released' = 'waiting'
    const run = (): void => {
      this.waiting.delete(run)
      state = 'running'
      this.running++
      start()
    }
    if (this.running < this.limit) run()
    else this.waiting.add(run)
    return {
      release: () => {
        if (state === 'released') return
        if (state === 'waiting') this.waiting.delete(run)
        else this.running--
        state = 'released'
        this.next()
      },
    }
  }

  private next(): void {
    if (this.running >= this.limit) return
    for (const run of this.waiting) return run()
  }
}
