/** Calls an asynchronous function again and again while started, never twice at a time. */
export class Poller {
  private timer: number | undefined
  private running = false
  private calling = false

  /** @param interval ms between the end of one call and the start of the next */
  constructor(
    private readonly poll: () => Promise<void>,
    private readonly interval: number,
  ) {}

  /** Calls at once; after the call that is under way where one is. */
  start(): void {
    if (this.running) return
    this.running = true
    if (!this.calling) void this.run()
  }

  stop(): void {
    this.running = false
    window.clearTimeout(this.timer)
  }

  private async run(): Promise<void> {
    this.calling = true
    await this.poll().finally(() => (this.calling = false))
    if (this.running) this.timer = window.setTimeout(() => void this.run(), this.interval)
  }
}
