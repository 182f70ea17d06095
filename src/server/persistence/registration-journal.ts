import { detach } from '../../base/guard'
import type { PeerIdentity } from '../../transport/transport'
import { NO_IDENTITY } from '../../transport/transport'
import { decodePlain } from '../../storage/plain-cbor'
import { RecordType } from '../../storage/record-type'
import type { Store } from '../../storage/store'
import type { DeviceRegistration } from '../registration/device-registration'
import { NO_ATTRIBUTES } from '../registration/parameters'
import type { ProfileJournal } from '../registration/profile-lists'
import type { RegistrationState } from '../registration/registration-state'
import type { RegistrationRecords } from '../registration/repository'
import type { Lwm2mVersion } from '../types'

const REGISTRATION = 'registration:'
const PROFILE = 'profile:'

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
export class RegistrationJournal implements ProfileJournal, RegistrationRecords {
  /** @param onError told of a write that nobody waits for and that failed */
  constructor(
    private readonly store: Store,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves when it is kept. @throws StoreError */
  put(registration: DeviceRegistration, state: RegistrationState): Promise<void> {
    const { peer } = state
    const stored: Stored = [
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
    return this.store.put(REGISTRATION + registration.endpoint, REGISTRATION_RECORD.encode(stored))
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
    detach(
      this.store.put(PROFILE + key, PROFILE_RECORD.encode(Buffer.from(text, 'latin1'))),
      this.onError,
    )
  }

  deleteProfile(key: string): void {
    detach(this.store.delete(PROFILE + key), this.onError)
  }

  async *profiles(): AsyncIterable<readonly [key: string, text: string]> {
    for await (const [key, value] of this.store.list(PROFILE)) {
      const text = PROFILE_RECORD.decode(value)
      if (text !== undefined)
        yield [key.slice(PROFILE.length), Buffer.from(text).toString('latin1')]
    }
  }
}

/** The certificate is large and comes with the next handshake; the subject is what is compared. */
function withoutCertificate(identity: PeerIdentity): PeerIdentity {
  return identity.kind === 'x509' ? { ...identity, certificate: new Uint8Array(0) } : identity
}

/** As written before records had a version: the first element was 1, and attributes were an object first. */
type Unversioned = [format: number, ...body: unknown[]]
const ATTRIBUTES_AT = 10

const REGISTRATION_RECORD = new RecordType<Stored>({
  what: 'a registration',
  version: 2,
  unversioned(bytes) {
    const [version, ...body] = decodePlain(bytes) as Unversioned
    return { version, body }
  },
  migrations: {
    1: (body: unknown[]) =>
      body.map((field, i) =>
        i === ATTRIBUTES_AT && typeof field === 'object' && field !== null && !Array.isArray(field)
          ? Object.entries(field)
          : field,
      ),
  },
  isWhole(body): body is Stored {
    if (!Array.isArray(body) || body.length < 13) return false
    const [id, version, registeredAt, updatedAt, durableUntil, lifetime, binding] =
      body as unknown[]
    const [list, peer] = body.slice(11) as unknown[]
    return (
      [id, version, binding, list].every((field) => typeof field === 'string') &&
      [registeredAt, updatedAt, durableUntil, lifetime].every((n) => typeof n === 'number') &&
      Array.isArray(peer) &&
      typeof peer[1] === 'string'
    )
  },
})

const PROFILE_RECORD = new RecordType<Uint8Array>({
  what: 'a profile',
  version: 1,
  unversioned: (bytes) => ({ version: 1, body: bytes }),
  isWhole: (body): body is Uint8Array => body instanceof Uint8Array,
})

function decode(endpoint: string, value: Uint8Array): StoredRegistration | undefined {
  const stored = REGISTRATION_RECORD.decode(value)
  if (stored === undefined) return undefined
  const [id, version, registeredAt, updatedAt, durableUntil, lifetime, binding, queueMode] = stored
  const [, , , , , , , , sms, profileId, attributes, listText, peer] = stored
  const [peerId, address, port, secure, identity] = peer
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
    sms: sms ?? undefined,
    profileId: profileId ?? undefined,
    attributes: attributes === null ? NO_ATTRIBUTES : Object.freeze(Object.fromEntries(attributes)),
    listText,
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
