/** Public types of the virtual device: description, options, state and events. */
import type { Lwm2mVersion } from '../lwm2m/versions'
import type { Clock } from '../base/clock'
import type { CoapEndpointOptions, CoapTrace } from '../coap/types'
import type { ObjectModel, ResourceOperations } from '../lwm2m/model/definition'
import type { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { ResourceType, Value } from '../lwm2m/value'
import type { DtlsClientCredentials } from '../dtls/client-credentials'
import type { PeerCredentials, PresentedCertificate } from '../dtls/credentials'
import type { DtlsIdentity, RemoteAddress } from '../dtls/identity'
import type { Transport } from '../transport/transport'
import type { SignalDescription } from './signal'

export type {
  DtlsClientCredentials,
  DtlsIdentity,
  Lwm2mVersion,
  PeerCredentials,
  PresentedCertificate,
  RemoteAddress,
}

/** A JSON value; typed by the object model (Opaque: base64, Time: seconds or ISO 8601). */
export type JsonValue = string | number | boolean
export type InputValue = Value | JsonValue

/**
 * One resource: its value; an array or an object by instance id for a multiple resource; or a
 * description. A resource without a value exists, but has none yet (or is executable).
 */
export type ResourceInput =
  | InputValue
  | null
  | readonly InputValue[]
  | { readonly [id: number]: InputValue }
  | ResourceDescription

export interface ResourceDescription {
  readonly value?: InputValue | readonly InputValue[] | { readonly [id: number]: InputValue }
  /** Type of a resource that is not in the object model; default: inferred from the value. */
  readonly type?: ResourceType
  /** Default: the model's; `R` for a custom resource with a value, `E` for one of type None. */
  readonly operations?: ResourceOperations
  readonly multiple?: boolean
  readonly name?: string
  readonly units?: string
  /** Generates the value over time. */
  readonly signal?: SignalDescription
}

export interface InstanceDescription {
  readonly [resourceId: string]: ResourceInput
}

/** Instances by id; `version` is announced as `ver` (Core §6.2.1, §7.2.1). */
export interface ObjectDescription {
  readonly [instanceId: number]: InstanceDescription
  readonly version?: string
}

/**
 * The objects of a device by id, as JSON: `{"3303": {"0": {"5700": {"signal":
 * {…}}, "5701": "Cel"}}}`. Under `gateway`, the end devices behind it by prefix (Gateway object
 * 25).
 */
export interface DeviceDescription {
  readonly [objectId: number]: ObjectDescription
  readonly gateway?: { readonly [prefix: string]: DeviceDescription }
}

/** A pre-shared key; strings are encoded as UTF-8. At most 128 bytes of identity, 64 of key. */
export interface PskCredential {
  readonly identity: string | Uint8Array
  readonly key: Uint8Array
}

/** A raw public key (RFC 7250) of the device, P-256, and that of the server, which is pinned. */
export interface RawPublicKeyCredential {
  /** PEM, or DER PKCS #8. */
  readonly privateKey: string | Uint8Array
  /** DER SubjectPublicKeyInfo. */
  readonly serverPublicKey: Uint8Array
}

/** A certificate of the device with its P-256 key, and how the server's is verified. */
export interface CertificateCredential {
  /** PEM, or DER PKCS #8. */
  readonly privateKey: string | Uint8Array
  /** PEM or DER. */
  readonly certificate: string | Uint8Array
  /** PEM or DER: the server's certificate, or that of a CA. */
  readonly serverCertificate: string | Uint8Array
  /**
   * `/0/x/15`: 3 (default) for the server's own certificate, 2 for that of a CA; the server's must
   * then match the host of the URI.
   */
  readonly certificateUsage?: 2 | 3
}

/** Credential of a device for `coaps`. */
export type ClientSecurity =
  | { readonly psk: PskCredential; readonly rpk?: undefined; readonly x509?: undefined }
  | { readonly psk?: undefined; readonly rpk: RawPublicKeyCredential; readonly x509?: undefined }
  | { readonly psk?: undefined; readonly rpk?: undefined; readonly x509: CertificateCredential }

/** DTLS settings of a device for `coaps`. */
export interface ClientDtlsOptions {
  /** With pre-shared keys: offers only cipher suites of this key exchange. Default: both. */
  readonly keyExchange?: 'psk' | 'ecdhe-psk'
  /**
   * Connection IDs (RFC 9146): `send` offers to put the server's into the device's records, `both`
   * asks for one in the server's records as well. Default `off`.
   */
  readonly connectionId?: 'off' | 'send' | 'both'
  /**
   * Maximum size of the content of a record in both directions, in bytes (RFC 6066 §4); default
   * 16,384.
   */
  readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096
}

/**
 * Retries of a failed registration (Core §6.2.1.2): `count` attempts, `timer` seconds before the
 * second, doubling up to `maxTimer`; then a pause of `sequenceDelay` seconds, `sequenceCount` times
 * in all. The server account's own settings (`/1/x/17` to `/1/x/20`) have precedence.
 */
export interface RetryPolicy {
  readonly timer: number
  readonly maxTimer: number
  readonly count: number
  readonly sequenceDelay: number
  readonly sequenceCount: number
}

/** Queue mode of a device (Core §6.5). */
export interface SleepOptions {
  /** Milliseconds awake after the last message; default 93,000 (MAX_TRANSMIT_WAIT). */
  readonly window?: number
  /** Drop datagrams received while asleep, as if the radio were off; default true. */
  readonly dropIncoming?: boolean
  /** Keep notifications until the next wake-up instead of waking up for them; default false. */
  readonly holdNotifications?: boolean
  /** Seconds between Updates that wake the device; default: shortly before the lifetime ends. */
  readonly wakeEvery?: number
}

/** Behaviour of the Firmware Update object (5) of this device. Times are in milliseconds. */
export interface FirmwareBehaviour {
  /** `/5/0/5` after an update: 1 success, 8 failed, … Default 1. */
  readonly result?: number
  /** `/5/0/5` instead of a finished download: 2 no flash, 5 integrity, 6 unsupported package, … */
  readonly downloadResult?: number
  /** Time from Execute `/5/0/2` to the reboot; default 1000. */
  readonly updateTime?: number
  /** Values of `/3/0/3` and `/5/0/7` after a successful update; default: unchanged. */
  readonly version?: string
  /** Maximum size of a package in bytes (larger: result 2); default 1 MiB. */
  readonly maxSize?: number
}

/** Stores the accounts written by a bootstrap across restarts. */
export interface AccountsStore {
  /** The accounts saved last, or undefined. */
  load(endpoint: string): Promise<Uint8Array | undefined>
  /** Saves the accounts, which include keys. */
  save(endpoint: string, accounts: Uint8Array): Promise<void>
}

export interface Lwm2mClientOptions {
  /** The endpoint client name. */
  readonly endpoint: string
  /** `coap://host:port` or `coaps://host:port`. Optional if a bootstrap server is given. */
  readonly server?: string
  /** URI of the bootstrap server; used if there is no server account. */
  readonly bootstrap?: string
  /** The highest supported version; lower ones are tried on 4.12. Default `1.1`. */
  readonly version?: Lwm2mVersion
  /** Seconds; default 300. */
  readonly lifetime?: number
  /** Without Q; default `U`. */
  readonly binding?: string
  readonly queueMode?: boolean
  readonly sleep?: SleepOptions
  /** MSISDN, sent as `sms`. */
  readonly sms?: string
  /**
   * Whether `ep` is sent; without it the server identifies the device by its credential (1.1).
   * Default true.
   */
  readonly sendEndpoint?: boolean
  /** Further query parameters of Register. */
  readonly attributes?: { readonly [name: string]: string }
  /** Without outer slashes, e.g. `lwm2m`; default none. */
  readonly alternateRoot?: string
  /** Default: {@link defaultDescription}. */
  readonly objects?: DeviceDescription
  /** For the server (`coaps`). */
  readonly security?: ClientSecurity
  /** For the bootstrap server (`coaps`). */
  readonly bootstrapSecurity?: ClientSecurity
  readonly dtls?: ClientDtlsOptions
  /** 1.2: request a Bootstrap-Pack first; default: true for version 1.2. */
  readonly bootstrapPack?: boolean
  /**
   * Supported Content-Formats; the first one that can represent all values is sent as `pct`/`ct`
   * and used for Send and for reads without Accept. Default by version.
   */
  readonly formats?: readonly number[]
  /** Short Server ID of the account made from `server`; default 1. */
  readonly shortServerId?: number
  readonly retry?: Partial<RetryPolicy>
  readonly firmware?: FirmwareBehaviour
  /** Duration of a reboot in milliseconds (`/3/0/4`); default 1000. */
  readonly rebootTime?: number
  readonly coap?: CoapEndpointOptions
  /** Local address and port of the socket; default any. */
  readonly local?: { readonly host?: string; readonly port?: number }
  readonly clock?: Clock
  readonly model?: ObjectModel
  readonly accountsStore?: AccountsStore
  /** Replaces UDP and DTLS: for tests and other bearers. */
  readonly transport?: (target: TransportTarget) => Transport
}

/** The target of a transport. */
export interface TransportTarget {
  readonly secure: boolean
  readonly psk: { readonly identity: Uint8Array; readonly key: Uint8Array } | undefined
  /** For `coaps`: the pre-shared key, or raw public keys or certificates. */
  readonly credentials: DtlsClientCredentials | undefined
  readonly clock: Clock
}

export type ClientState =
  | 'stopped'
  | 'bootstrapping'
  | 'registering'
  | 'registered'
  /** Registered, in queue mode, outside the awake window. */
  | 'sleeping'
  /** Disabled by Execute `/1/x/4`: registers again after the disable timeout. */
  | 'disabled'
  /** Waits before the next attempt. */
  | 'waiting'
  /** Gave up after all retries; `update()` or a new `start()` tries again. */
  | 'failed'

/** One registration at one server. */
export interface ClientRegistration {
  readonly shortServerId: number
  /** URI of the server. */
  readonly server: string
  /** The segments of `rd/{id}`. */
  readonly location: readonly string[]
  readonly version: Lwm2mVersion
  /** Seconds. */
  readonly lifetime: number
  /** Milliseconds since the epoch. */
  readonly registeredAt: number
  readonly updatedAt: number
}

export interface ClientWarning {
  readonly code: string
  readonly message: string
  readonly shortServerId?: number
  readonly error?: Error
}

export interface Lwm2mClientEvents {
  state: [state: ClientState, previous: ClientState]
  registered: [registration: ClientRegistration]
  updated: [registration: ClientRegistration]
  deregistered: [registration: ClientRegistration]
  /**
   * A server wrote; `path` is the target of the request, `value` its value if it is a single one.
   */
  written: [write: { path: Path; value: Value | undefined; records: readonly Record[] }]
  /** A server executed a resource. */
  executed: [execution: { path: Path; args: ReadonlyMap<number, string | undefined> }]
  created: [path: Path]
  deleted: [path: Path]
  /** A server observes paths (several: Observe-Composite). */
  observed: [paths: readonly Path[]]
  observationEnded: [paths: readonly Path[], reason: string]
  /** A notification was passed to the socket. */
  notified: [paths: readonly Path[], records: readonly Record[]]
  bootstrapped: [accounts: readonly { shortServerId: number; server: string }[]]
  warning: [warning: ClientWarning]
  trace: [trace: CoapTrace]
}

/** The response to Send. */
export interface SendResult {
  readonly shortServerId: number
  /** Numeric CoAP code of class 2. */
  readonly code: number
}
