import type { Peer } from '../../transport/transport'
import { isPattern, matchesPattern } from '../endpoint-pattern'
import type { RegistrationQuery, RegistrationRegistry } from '../registration/registration-registry'
import type { Registration } from '../types'
import type { GatewayInventory } from './gateway-inventory'

/** The registered devices, and after them those behind gateways. */
export class DeviceDirectory implements RegistrationRegistry {
  constructor(
    private readonly registered: RegistrationRegistry,
    private readonly inventory: GatewayInventory,
  ) {}

  get size(): number {
    return this.registered.size + this.inventory.size
  }

  /** A registered device comes before an end device of the same name. */
  get(endpoint: string): Registration | undefined {
    return this.registered.get(endpoint) ?? this.inventory.get(endpoint)
  }

  byId(id: string): Registration | undefined {
    return this.registered.byId(id)
  }

  byPeer(peer: Peer): Registration | undefined {
    return this.registered.byPeer(peer)
  }

  *[Symbol.iterator](): IterableIterator<Registration> {
    yield* this.registered
    yield* this.inventory
  }

  list(query: RegistrationQuery = {}): Registration[] {
    const { pattern = '*', offset = 0, limit = Infinity } = query
    if (this.inventory.size === 0) return this.registered.list(query)
    if (!isPattern(pattern)) {
      const one = this.get(pattern)
      return one === undefined || offset > 0 || limit < 1 ? [] : [one]
    }
    const page: Registration[] = []
    let skip = offset
    for (const registration of this) {
      if (page.length >= limit) break
      if (!matchesPattern(pattern, registration.endpoint)) continue
      if (skip > 0) skip--
      else page.push(registration)
    }
    return page
  }
}
