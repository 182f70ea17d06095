import type { Clock } from '../../base/clock'
import type { PendingHandshake } from '../associations/pending-handshake'
import type { WireAddress } from '../identity'
import { AddressGroups } from './address-groups'

/** Of so many of the handshakes that are possible on, new ones get less time. */
const CROWDED = 3 / 4

/** A sender that has as many as it may has to leave each of them so much time, ms. */
const LEAST_TIME = 1000

/** Who has to make room for a new handshake, and the group of addresses that holds too many. */
export interface Displaced {
  readonly handshake: PendingHandshake
  readonly group: string
}

/**
 * Handshakes in progress: one an address and port at most, bounded in all and per sender. When they are
 * too many a new one takes the place of the oldest of those who hold most, so that a flood displaces its
 * own. Only a sender that would displace its own within a second is refused: that bounds what it costs,
 * and lets those behind the same address come to their end.
 */
export class HalfOpen {
  private readonly byAddress = new Map<string, PendingHandshake>()
  /** Monotonic ms. */
  private readonly begun = new Map<PendingHandshake, number>()
  private readonly groups = new AddressGroups<PendingHandshake>()

  /** @param limitPerSender from one IPv4 address or IPv6 /64 */
  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly limitPerSender: number,
  ) {}

  get size(): number {
    return this.byAddress.size
  }

  /** Whether they are nearly as many as there may be. */
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
   * The handshake that must be given up before one from this address is added, if there is need.
   * `refused`: none from there may be added now.
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
