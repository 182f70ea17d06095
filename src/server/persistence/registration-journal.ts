import { detach } from '../../base/guard'
import type { Peer, PeerIdentity } from '../../transport/transport'
import { NO_IDENTITY } from '../../transport/transport'
import type { Store } from '../../storage/store'
import type { DeviceRegistration } from '../registration/device-registration'
import type { ObjectList } from '../registration/object-lists'
import { NO_ATTRIBUTES } from '../registration/parameters'
import type { ProfileJournal } from '../registration/profile-lists'
import type { Lwm2mVersion } from '../types'
import { decodePlain, encodePlain } from './plain-cbor'

const REGISTRATION = 'registration:'
const PROFILE = 'profile:'

/** What an Update may change, and what is written with it. */
export interface RegistrationState {
  readonly peer: Peer
  readonly list: ObjectList
  readonly lifetime: number
  readonly binding: string
  readonly queueMode: boolean
  readonly sms: string | undefined
  readonly profileId: string | undefined
  readonly attributes: { readonly [name: string]: string }
  readonly updatedAt: number
  readonly durableUntil: number
}

/** A registration as it was kept; the peer is where it was, not a peer of any transport. */
export interface StoredRegistration extends Omit<RegistrationState, 'list'> {
  readonly id: string
  readonly endpoint: string
  readonly version: Lwm2mVersion
  readonly registeredAt: number
  readonly listText: string
}

type StoredPeer = [
  id: string,
  address: string,
  port: number,
  secure: boolean,
  identity: PeerIdentity | null,
]
type Stored = [
  format: 1,
  id: string,
  version: Lwm2mVersion,
  registeredAt: number,
  updatedAt: number,
  durableUntil: number,
  lifetime: number,
  binding: string,
  queueMode: boolean,
  sms: string | null,
  profileId: string | null,
  attributes: [name: string, value: string][] | null,
  listText: string,
  peer: StoredPeer,
]

/** Keeps registrations and learnt profiles. */
export class RegistrationJournal implements ProfileJournal {
  /** @param onError told of a write that nobody waits for and that failed */
  constructor(
    private readonly store: Store,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves when it is kept. @throws StoreError */
  put(registration: DeviceRegistration, state: RegistrationState): Promise<void> {
    const { peer } = state
    const stored: Stored = [
      1,
      registration.id,
      registration.version,
      registration.registeredAt,
      state.updatedAt,
      state.durableUntil,
      state.lifetime,
      state.binding,
      state.queueMode,
      state.sms ?? null,
      state.profileId ?? null,
      state.attributes === NO_ATTRIBUTES ? null : Object.entries(state.attributes),
      state.list.text,
      [
        peer.id,
        peer.address,
        peer.port,
        peer.secure,
        peer.identity.kind === 'none' ? null : withoutCertificate(peer.identity),
      ],
    ]
    return this.store.put(REGISTRATION + registration.endpoint, encodePlain(stored))
  }

  /** @throws StoreError */
  delete(endpoint: string): Promise<void> {
    return this.store.delete(REGISTRATION + endpoint)
  }

  /** @throws StoreError */
  deleteAll(endpoints: readonly string[]): Promise<void> {
    return this.store.batch(
      endpoints.map((endpoint) => ({ type: 'delete', key: REGISTRATION + endpoint })),
    )
  }

  /** Everything kept. An entry of an unknown form is passed over: `undefined`. */
  async *list(): AsyncIterable<StoredRegistration | undefined> {
    for await (const [key, value] of this.store.list(REGISTRATION)) {
      yield decode(key.slice(REGISTRATION.length), value)
    }
  }

  putProfile(key: string, text: string): void {
    detach(this.store.put(PROFILE + key, Buffer.from(text, 'latin1')), this.onError)
  }

  deleteProfile(key: string): void {
    detach(this.store.delete(PROFILE + key), this.onError)
  }

  async *profiles(): AsyncIterable<readonly [key: string, text: string]> {
    for await (const [key, value] of this.store.list(PROFILE)) {
      yield [key.slice(PROFILE.length), Buffer.from(value).toString('latin1')]
    }
  }
}

/** The certificate is large and comes with the next handshake; the subject is what is compared. */
function withoutCertificate(identity: PeerIdentity): PeerIdentity {
  return identity.kind === 'x509' ? { ...identity, certificate: new Uint8Array(0) } : identity
}

function decode(endpoint: string, value: Uint8Array): StoredRegistration | undefined {
  let stored: Stored
  try {
    stored = decodePlain(value) as Stored
  } catch {
    return undefined
  }
  if (!Array.isArray(stored) || stored[0] !== 1) return undefined
  const [, id, version, registeredAt, updatedAt, durableUntil, lifetime, binding, queueMode] =
    stored
  const [peerId, address, port, secure, identity] = stored[13]
  return {
    id,
    endpoint,
    version,
    registeredAt,
    updatedAt,
    durableUntil,
    lifetime,
    binding,
    queueMode,
    sms: stored[9] ?? undefined,
    profileId: stored[10] ?? undefined,
    attributes: stored[11] === null ? NO_ATTRIBUTES : Object.freeze(Object.fromEntries(stored[11])),
    listText: stored[12],
    // A secured peer of the last run can be nobody's in this one.
    peer: {
      id: secure ? `restored:${id}` : peerId,
      address,
      port,
      secure,
      identity: identity ?? NO_IDENTITY,
    },
  }
}
