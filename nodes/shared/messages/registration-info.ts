import type { ObjectModel, Registration, RegistrationStatus } from '../../../src'
import { identityText } from '../../../src/internal'

/** A registration as flows see it. Times are ISO 8601 text. */
export interface RegistrationInfo {
  readonly endpoint: string
  /** `1.0`, `1.1`, `1.2`. */
  readonly version: string
  /** Seconds. */
  readonly lifetime: number
  readonly binding: string
  readonly queueMode: boolean
  readonly address: string
  readonly port: number
  /** `none`, `psk`, `rpk`, `x509`. */
  readonly security: string
  /** PSK identity or certificate name. */
  readonly identity?: string
  readonly state: RegistrationStatus
  readonly sms?: string
  readonly profileId?: string
  readonly root?: string
  /** Query parameters that the specification does not know. */
  readonly attributes?: { readonly [name: string]: string }
  readonly objects: readonly ObjectInfo[]
  readonly registeredAt: string
  readonly updatedAt: string
  readonly expiresAt: string
}

export interface ObjectInfo {
  readonly id: number
  readonly name?: string
  readonly version?: string
  readonly instances: readonly number[]
  /** Of an end device behind a gateway. */
  readonly prefix?: string
}

export function registrationInfo(model: ObjectModel, registration: Registration): RegistrationInfo {
  const { peer, sms, profileId, root, attributes } = registration
  const { identity } = peer
  return {
    endpoint: registration.endpoint,
    version: registration.version,
    lifetime: registration.lifetime,
    binding: registration.binding,
    queueMode: registration.queueMode,
    address: peer.address,
    port: peer.port,
    security: identity.kind,
    ...(identity.kind === 'psk' ? { identity: identityText(identity.identity) } : {}),
    ...(identity.kind === 'x509' ? { identity: identity.commonName ?? identity.subject } : {}),
    state: registration.state,
    ...(sms === undefined ? {} : { sms }),
    ...(profileId === undefined ? {} : { profileId }),
    ...(root === '' ? {} : { root }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes: { ...attributes } }),
    objects: registration.objects.map(({ id, version, instances, prefix }) => {
      const name = model.object(id, version)?.name
      return {
        id,
        ...(name === undefined ? {} : { name }),
        ...(version === undefined ? {} : { version }),
        instances: [...instances],
        ...(prefix === undefined || prefix === '' ? {} : { prefix }),
      }
    }),
    registeredAt: isoTime(registration.registeredAt),
    updatedAt: isoTime(registration.updatedAt),
    expiresAt: isoTime(registration.expiresAt),
  }
}

function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}
