import type { Peer } from '../../transport/transport'
import type { RegistrationState } from './registration-state'
import type { DeviceRegistration } from './device-registration'
import { type RegistrationRegistry, RegistrationTable } from './registration-registry'

/** What outlives the process: one record for each endpoint. */
export interface RegistrationRecords {
  /** Resolves when it is kept. @throws StoreError */
  put(registration: DeviceRegistration, state: RegistrationState): Promise<void>
  /** @throws StoreError */
  delete(endpoint: string): Promise<void>
}

/**
 * The registrations of a server. What is asked is answered from the memory of this process; what
 * changes is written first, where it is kept at all, and then put in force.
 */
export interface RegistrationRepository extends RegistrationRegistry, Iterable<DeviceRegistration> {
  get(endpoint: string): DeviceRegistration | undefined
  /** By the last segment of its location. */
  byId(id: string): DeviceRegistration | undefined
  byPeer(peer: Peer): DeviceRegistration | undefined
  /** The one registration of an identity; `undefined` where there is none or more than one. */
  byIdentity(peer: Peer): DeviceRegistration | undefined
  allByIdentity(peer: Peer): Iterable<DeviceRegistration>
  /** Those with security. */
  readonly secured: number
  /** Those with security whose association is gone. */
  readonly awaitingHandshake: number
  [Symbol.iterator](): IterableIterator<DeviceRegistration>

  /** Whether registrations outlive the process. */
  readonly isKept: boolean
  /** Writes what a registration becomes; nothing where none are kept. @throws StoreError */
  keep(registration: DeviceRegistration, state: RegistrationState): Promise<void>
  /** Writes that a registration is over. @throws StoreError */
  discard(registration: DeviceRegistration): Promise<void>

  /** Puts it in force; answers the device whose address it has now. */
  add(registration: DeviceRegistration): DeviceRegistration | undefined
  /** False when it was not there (any more). */
  remove(registration: DeviceRegistration): boolean
  /** Moves it to another peer; answers the device whose address it has now. */
  move(registration: DeviceRegistration, peer: Peer): DeviceRegistration | undefined
  /** Its peer is gone. */
  unbind(registration: DeviceRegistration): void
}

/** All registrations in memory, with what is kept of them behind. */
export class CachedRegistrations extends RegistrationTable implements RegistrationRepository {
  /** @param records `undefined` to keep nothing */
  constructor(private readonly records?: RegistrationRecords) {
    super()
  }

  get isKept(): boolean {
    return this.records !== undefined
  }

  async keep(registration: DeviceRegistration, state: RegistrationState): Promise<void> {
    await this.records?.put(registration, state)
  }

  async discard({ endpoint }: DeviceRegistration): Promise<void> {
    await this.records?.delete(endpoint)
  }
}
