import type { Clock } from '../../base/clock'
import type { PendingHandshake } from '../associations/pending-handshake'
import type { WireAddress } from '../identity'
import { AddressGroups } from './address-groups'

/** From this share of the maximum number of handshakes on, new ones get a shorter timeout. */
const CROWDED = 3 / 4

/** Minimum time in ms that a sender at its limit must leave each of its handshakes. */
const LEAST_TIME = 1000

/** A handshake to evict, and the group of addresses that has too many. */
export interface Displaced {
  readonly handshake: PendingHandshake
  readonly group: string
}

/**
 * Handshakes in progress: at most one per address and port, limited in total and per sender. Beyond
 * the limit a new one evicts the oldest of the sender that has the most, so that a flood evicts its
 * own. A sender is refused only if it would evict its own within one second: that limits its cost,
 * and lets others behind the same address finish.
 */
export class HalfOpen {
  private readonly byAddress = new Map<string, PendingHandshake>()
  /** Monotonic time in ms. */
  private readonly begun = new Map<PendingHandshake, number>()
  private readonly groups = new AddressGroups<PendingHandshake>()

  /** @param limitPerSender maximum number from one IPv4 address or IPv6 /64 */
  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly limitPerSender: number,
  ) {}

  get size(): number {
    return this.byAddress.size
  }

  /** Whether the number of handshakes is close to the maximum. */
  get crowded(): boolean {
    return this.byAddress.size >= this.limit * CROWDED
  }

  at(key: string): PendingHandshake | undefined {
    return this.byAddress.get(key)
  }

  values(): Iterable<PendingHandshake> {
    return this.byAddress.values()
  }

  /**
   * The handshake to evict before one from this address is added, if necessary. `refused`: none
   * from there may be added now.
   */
  displacedBy({ wireAddress }: WireAddress): Displaced | 'refused' | undefined {
    const own =
      this.groups.countAt(wireAddress) >= this.limitPerSender
        ? this.groups.oldestAt(wireAddress)
        : undefined
    if (own !== undefined) {
      const age = this.clock.monotonic() - (this.begun.get(own) ?? -Infinity)
      return age < LEAST_TIME ? 'refused' : { handshake: own, group: wireAddress }
    }
    if (this.byAddress.size < this.limit) return undefined
    const most = this.groups.mostDispensable
    return most && { handshake: most.entry, group: most.group }
  }

  add(key: string, handshake: PendingHandshake): void {
    this.byAddress.set(key, handshake)
    this.begun.set(handshake, this.clock.monotonic())
    this.groups.add(handshake.remote.wireAddress, handshake)
  }

  remove(key: string, handshake: PendingHandshake): void {
    if (this.byAddress.get(key) !== handshake) return
    this.byAddress.delete(key)
    this.begun.delete(handshake)
    this.groups.remove(handshake.remote.wireAddress, handshake)
  }
}
