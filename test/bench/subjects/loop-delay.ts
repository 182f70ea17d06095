/** How late timers of the event loop are, from now on: what a device waits for at most. */
export class LoopDelay {
  private readonly delays: number[] = []
  private last = performance.now()
  private timer: NodeJS.Timeout | undefined

  constructor() {
    this.next()
  }

  /** Milliseconds. Ends the measurement. */
  stop(): { readonly p99: number; readonly max: number } {
    clearTimeout(this.timer)
    this.delays.push(performance.now() - this.last)
    this.delays.sort((a, b) => a - b)
    const at = (part: number): number =>
      this.delays[Math.min(this.delays.length - 1, Math.floor(part * this.delays.length))] ?? NaN
    return { p99: at(0.99), max: at(1) }
  }

  private next(): void {
    this.last = performance.now()
    this.timer = setTimeout(() => {
      this.delays.push(performance.now() - this.last)
      this.next()
    }, 1)
  }
}
