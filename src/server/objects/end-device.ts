import type { Peer } from '../../transport/transport'
import type { Lwm2mVersion, RegisteredObject, Registration, RegistrationStatus } from '../types'

const NO_ATTRIBUTES: { readonly [name: string]: string } = Object.freeze({})

/**
 * A device behind a gateway (object 25), as if it were registered itself: its paths lie below its
 * prefix, all else is its gateway's.
 */
export class EndDevice implements Registration {
  readonly gateway: {
    readonly endpoint: string
    readonly instance: number
    readonly prefix: string
  }
  readonly endpoint: string
  readonly sms = undefined
  readonly profileId = undefined
  readonly attributes = NO_ATTRIBUTES

  /**
   * @param via the registration of the gateway, which changes when that registers anew
   * @param deviceId its Device ID, unique behind the gateway
   */
  constructor(
    public via: Registration,
    instance: number,
    readonly deviceId: string,
    prefix: string,
    public objects: readonly RegisteredObject[],
    readonly registeredAt: number,
    public updatedAt: number = registeredAt,
  ) {
    this.gateway = { endpoint: via.endpoint, instance, prefix }
    this.endpoint = endDeviceName(via.endpoint, deviceId)
  }

  /** Unique as those of registrations, and another one when the gateway registers anew. */
  get id(): string {
    return `${this.via.id}/${this.gateway.prefix}`
  }

  get peer(): Peer {
    return this.via.peer
  }

  get version(): Lwm2mVersion {
    return this.via.version
  }

  get lifetime(): number {
    return this.via.lifetime
  }

  get binding(): string {
    return this.via.binding
  }

  get queueMode(): boolean {
    return this.via.queueMode
  }

  /** The alternate root of the gateway, and the prefix. */
  get root(): string {
    const { prefix } = this.gateway
    return this.via.root === '' ? prefix : `${this.via.root}/${prefix}`
  }

  get contentFormats(): readonly number[] {
    return this.via.contentFormats
  }

  get lastSeen(): number {
    return this.via.lastSeen
  }

  get expiresAt(): number {
    return this.via.expiresAt
  }

  get state(): RegistrationStatus {
    return this.via.state
  }
}

/** The name an end device has here: nobody else's, whatever its gateway says. */
export function endDeviceName(gateway: string, deviceId: string): string {
  return `${gateway}/${deviceId}`
}

/** The registration that speaks for a device: its own, or that of its gateway. */
export function speakerFor(registration: Registration): Registration {
  return registration instanceof EndDevice ? registration.via : registration
}
