/** The position of an account in the registration order (object 1, resources 13 and 15). */
export interface OrderedAccount {
  readonly shortServerId: number
  /** `/1/x/13`, lower first; undefined: independent of the others. */
  readonly priority: number | undefined
  /** `/1/x/15`: while the registration at this server fails, the following ones are not started. */
  readonly blocks: boolean
}

/**
 * The order in which a client registers at its servers (Core 1.1 §6.2.1.2): each starts when the
 * one before is registered, or has failed and does not block.
 */
export class RegistrationOrder {
  private readonly queue: readonly OrderedAccount[]
  private readonly waiting = new Map<number, () => void>()
  /** Number of accounts in the queue that may have started. */
  private begun = 1

  constructor(accounts: readonly OrderedAccount[]) {
    this.queue = accounts
      .filter(({ priority }) => priority !== undefined)
      .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0) || a.shortServerId - b.shortServerId)
  }

  /** Resolves when the registration at a server may start; undefined if it may now. */
  turn(shortServerId: number): Promise<void> | undefined {
    if (this.place(shortServerId) < this.begun) return undefined
    return new Promise((resolve) => this.waiting.set(shortServerId, resolve))
  }

  registered(shortServerId: number): void {
    this.over(this.place(shortServerId))
  }

  failed(shortServerId: number): void {
    const place = this.place(shortServerId)
    if (this.queue[place]?.blocks === false) this.over(place)
  }

  /** -1 for an account without order. */
  private place(shortServerId: number): number {
    return this.queue.findIndex((one) => one.shortServerId === shortServerId)
  }

  private over(place: number): void {
    if (place !== this.begun - 1) return
    const next = this.queue[this.begun++]?.shortServerId
    if (next === undefined) return
    this.waiting.get(next)?.()
    this.waiting.delete(next)
  }
}
