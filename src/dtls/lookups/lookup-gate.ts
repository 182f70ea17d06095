/** A look-up that runs or waits; release it when its handshake ends, whatever became of it. */
export interface LookupTicket {
  release(): void
}

/**
 * Lets so many credential look-ups run at once; the others wait in line. How many wait is bounded by
 * the half-open handshakes: each has one look-up at most.
 */
export class LookupGate {
  private running = 0
  private readonly waiting = new Set<() => void>()

  constructor(private readonly limit: number) {}

  /** Calls `start` now or when its turn comes, unless it was released before. */
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
