import { detach, lastResort, nextTurn } from '../../../src/base/guard'

/** Deregistrations of virtual devices whose nodes are being closed. */
export class PendingDeregistrations {
  private readonly pending = new Set<Promise<void>>()

  /** Makes one known until it is over. */
  add(deregistration: Promise<void>): void {
    this.pending.add(deregistration)
    const over = (): void => void this.pending.delete(deregistration)
    detach(deregistration.then(over, over), lastResort)
  }

  /**
   * Resolves when the virtual devices of this deploy have deregistered: a server that closes with them
   * stays until then, or it would keep them registered until their lifetimes end. Their own timeout
   * bounds it.
   */
  async done(): Promise<void> {
    // Node-RED closes all nodes of a deploy in one go, devices perhaps after the server.
    await nextTurn()
    await Promise.allSettled([...this.pending])
  }
}
