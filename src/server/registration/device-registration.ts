import { randomBytes } from 'node:crypto'
import type { Peer } from '../../transport/transport'
import type { Timer } from '../../base/scheduler'
import type { Lwm2mVersion, RegisteredObject, Registration, RegistrationStatus } from '../types'
import type { AwakeState, DeviceQueue } from './device-parts'
import type { ObjectList } from './object-lists'
import type { RegisterParameters } from './parameters'

/** The latest time a `Date` can hold; stands for "never" (lifetime 0). */
export const NEVER = 8.64e15

const ID_BYTES = 12
const POOL_BYTES = ID_BYTES * 256
let pool: Buffer = Buffer.alloc(0)
let poolAt = 0

/**
 * An unguessable registration id: 96 random bits, 16 url-safe characters. Without security, knowing
 * it is what entitles to update or to move a registration.
 */
export function newRegistrationId(): string {
  if (poolAt === pool.length) {
    pool = randomBytes(POOL_BYTES)
    poolAt = 0
  }
  return pool.toString('base64url', poolAt, (poolAt += ID_BYTES))
}

/**
 * A registration as the server holds it: a live object, small because there are many. What is the
 * same for a fleet (object list, attributes, binding) is shared, what few devices need (queue,
 * awake window) is made on demand.
 */
export class DeviceRegistration implements Registration {
  version: Lwm2mVersion
  lifetime: number
  binding: string
  queueMode: boolean
  sms: string | undefined
  profileId: string | undefined
  attributes: { readonly [name: string]: string }
  updatedAt: number
  lastSeen: number
  /** Of the last notification or Send, where those restart the lifetime, ms since the epoch. */
  renewedAt = 0

  /** Its expiry, grace included. */
  expiry: Timer | undefined
  /** The last expiry (ms since the epoch) that is on disk: while it covers the promised one, nothing is written. */
  durableUntil = 0
  /**
   * False when another device took its address, and while its association is gone: nothing can be
   * sent there for this one.
   */
  bound = true
  /** A replacement or a removal is being written: it takes no more Updates. */
  closing = false
  /** Its messages whose responses are on their way: requests go out after them. */
  unanswered = 0
  /** Removed from the registry, or replaced in it. */
  ended = false
  /** Address the device had at the registration before this one, for the duplicate alarm. */
  formerAddress: string | undefined
  /** Of the last duplicate alarm, ms since the epoch. */
  alarmedAt = 0
  /** What waits for it or is under way; of devices that were asked something. */
  queue: DeviceQueue | undefined
  /** Only of queue-mode devices. */
  awakeWindow: AwakeState | undefined

  constructor(
    readonly id: string,
    readonly endpoint: string,
    public peer: Peer,
    public list: ObjectList,
    parameters: Omit<RegisterParameters, 'endpoint' | 'lifetime'>,
    lifetime: number,
    readonly registeredAt: number,
  ) {
    this.version = parameters.version
    this.lifetime = lifetime
    this.binding = parameters.binding
    this.queueMode = parameters.queueMode
    this.sms = parameters.sms
    this.profileId = parameters.profileId
    this.attributes = parameters.attributes
    this.updatedAt = registeredAt
    this.lastSeen = registeredAt
  }

  get objects(): readonly RegisteredObject[] {
    return this.list.objects
  }

  get root(): string {
    return this.list.root
  }

  get contentFormats(): readonly number[] {
    return this.list.contentFormats
  }

  get expiresAt(): number {
    return expiryOf(Math.max(this.updatedAt, this.renewedAt), this.lifetime)
  }

  get state(): RegistrationStatus {
    if (this.awakeWindow?.awake === false) return 'asleep'
    return this.bound || !this.peer.secure ? 'online' : 'awaiting-handshake'
  }

  /** For logs and JSON: the public properties. */
  toJSON(): Omit<Registration, 'peer'> & { address: string; port: number; secure: boolean } {
    return {
      id: this.id,
      endpoint: this.endpoint,
      address: this.peer.address,
      port: this.peer.port,
      secure: this.peer.secure,
      version: this.version,
      lifetime: this.lifetime,
      binding: this.binding,
      queueMode: this.queueMode,
      sms: this.sms,
      profileId: this.profileId,
      attributes: this.attributes,
      objects: this.objects,
      root: this.root,
      contentFormats: this.contentFormats,
      registeredAt: this.registeredAt,
      updatedAt: this.updatedAt,
      lastSeen: this.lastSeen,
      expiresAt: this.expiresAt,
      state: this.state,
    }
  }
}

/** When a lifetime (seconds, 0 for none) that starts at `from` (ms) ends, ms. */
export function expiryOf(from: number, lifetime: number): number {
  return lifetime === 0 ? NEVER : from + lifetime * 1000
}
