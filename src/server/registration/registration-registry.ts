import { identityKey, type Peer } from '../../transport/transport'
import { isPattern, matchesPattern } from '../endpoint-pattern'
import type { Registration } from '../types'
import type { DeviceRegistration } from './device-registration'

/** A page of a listing. */
export interface RegistrationQuery {
  /** Endpoint name or pattern (`*`, `?`); default all. */
  readonly pattern?: string
  /** Default 0. */
  readonly offset?: number
  /** Default all. */
  readonly limit?: number
}

/** The registered devices. Registrations are live objects: their properties move with the device. */
export interface RegistrationRegistry extends Iterable<Registration> {
  readonly size: number
  get(endpoint: string): Registration | undefined
  byId(id: string): Registration | undefined
  /** The device that speaks from this peer now. */
  byPeer(peer: Peer): Registration | undefined
  /** In the order in which the endpoints first registered. */
  list(query?: RegistrationQuery): Registration[]
}

/**
 * The registry with its indexes: by endpoint, by id, by peer and, for secured devices, by identity.
 * Each change costs the same whatever the number of devices.
 */
export class RegistrationTable implements RegistrationRegistry {
  private readonly endpoints = new Map<string, DeviceRegistration>()
  private readonly ids = new Map<string, DeviceRegistration>()
  private readonly peers = new Map<string, DeviceRegistration>()
  /** An identity that several endpoints share has a set. */
  private readonly identities = new Map<string, DeviceRegistration | Set<DeviceRegistration>>()

  private securedCount = 0
  private awaitingCount = 0

  get size(): number {
    return this.endpoints.size
  }

  /** Those with security. */
  get secured(): number {
    return this.securedCount
  }

  /** Those with security whose association is gone. */
  get awaitingHandshake(): number {
    return this.awaitingCount
  }

  get(endpoint: string): DeviceRegistration | undefined {
    return this.endpoints.get(endpoint)
  }

  byId(id: string): DeviceRegistration | undefined {
    return this.ids.get(id)
  }

  byPeer(peer: Peer): DeviceRegistration | undefined {
    return this.peers.get(peer.id)
  }

  /** The one registration of an identity; `undefined` where there is none or more than one. */
  byIdentity(peer: Peer): DeviceRegistration | undefined {
    const found = this.identities.get(identityKey(peer.identity))
    return found instanceof Set ? undefined : found
  }

  /** All registrations of an identity. */
  allByIdentity(peer: Peer): Iterable<DeviceRegistration> {
    const found = this.identities.get(identityKey(peer.identity))
    return found === undefined ? [] : found instanceof Set ? found : [found]
  }

  [Symbol.iterator](): IterableIterator<DeviceRegistration> {
    return this.endpoints.values()
  }

  list(query: RegistrationQuery = {}): DeviceRegistration[] {
    const { pattern = '*', offset = 0, limit = Infinity } = query
    if (!isPattern(pattern)) {
      const one = this.endpoints.get(pattern)
      return one === undefined || offset > 0 || limit < 1 ? [] : [one]
    }
    const page: DeviceRegistration[] = []
    let skip = offset
    for (const registration of this.endpoints.values()) {
      if (page.length >= limit) break
      if (!matchesPattern(pattern, registration.endpoint)) continue
      if (skip > 0) skip--
      else page.push(registration)
    }
    return page
  }

  /**
   * Adds a registration in place of one of the same endpoint, which ends.
   * @returns the other device whose address this one has now; it is unbound
   */
  add(registration: DeviceRegistration): DeviceRegistration | undefined {
    const previous = this.endpoints.get(registration.endpoint)
    if (previous !== undefined) this.unindex(previous)
    this.endpoints.set(registration.endpoint, registration)
    this.ids.set(registration.id, registration)
    this.addIdentity(registration)
    return this.bind(registration)
  }

  /** Removes a registration; false when it was not there (any more). */
  remove(registration: DeviceRegistration): boolean {
    if (this.endpoints.get(registration.endpoint) !== registration) return false
    this.endpoints.delete(registration.endpoint)
    this.unindex(registration)
    return true
  }

  /**
   * Moves a registration to another peer.
   * @returns the other device whose address this one has now; it is unbound
   */
  move(registration: DeviceRegistration, peer: Peer): DeviceRegistration | undefined {
    this.unbind(registration)
    this.removeIdentity(registration)
    // From now on it is counted by the security of its new peer.
    this.awaitingCount += Number(peer.secure) - Number(registration.peer.secure)
    registration.peer = peer
    this.addIdentity(registration)
    return this.bind(registration)
  }

  /** Forgets all. */
  clear(): void {
    for (const registration of this.endpoints.values()) registration.ended = true
    this.endpoints.clear()
    this.ids.clear()
    this.peers.clear()
    this.identities.clear()
    this.securedCount = this.awaitingCount = 0
  }

  /** Its peer is gone or is another device's: nothing finds it by that peer any more. */
  unbind(registration: DeviceRegistration): void {
    if (this.peers.get(registration.peer.id) === registration) {
      this.peers.delete(registration.peer.id)
    }
    this.setBound(registration, false)
  }

  private setBound(registration: DeviceRegistration, bound: boolean): void {
    if (registration.bound === bound) return
    registration.bound = bound
    if (registration.peer.secure) this.awaitingCount += bound ? -1 : 1
  }

  private bind(registration: DeviceRegistration): DeviceRegistration | undefined {
    const { id } = registration.peer
    const other = this.peers.get(id)
    if (other !== undefined && other !== registration) this.setBound(other, false)
    this.peers.set(id, registration)
    this.setBound(registration, true)
    return other === registration ? undefined : other
  }

  private unindex(registration: DeviceRegistration): void {
    registration.ended = true
    this.ids.delete(registration.id)
    this.unbind(registration)
    if (registration.peer.secure) this.awaitingCount--
    this.removeIdentity(registration)
  }

  private addIdentity(registration: DeviceRegistration): void {
    if (!registration.peer.secure) return
    this.securedCount++
    const key = identityKey(registration.peer.identity)
    const found = this.identities.get(key)
    if (found === undefined) this.identities.set(key, registration)
    else if (found instanceof Set) found.add(registration)
    else if (found !== registration) this.identities.set(key, new Set([found, registration]))
  }

  private removeIdentity(registration: DeviceRegistration): void {
    if (!registration.peer.secure) return
    this.securedCount--
    const key = identityKey(registration.peer.identity)
    const found = this.identities.get(key)
    if (found === registration) {
      this.identities.delete(key)
    } else if (found instanceof Set) {
      found.delete(registration)
      const [left] = found
      if (left === undefined) this.identities.delete(key)
      else if (found.size === 1) this.identities.set(key, left)
    }
  }
}
