/** What users of the server see: registrations, results, options and events. */
import type { Lwm2mVersion } from '../lwm2m/versions'
import type { CodedError } from '../base/coded-error'
import type { WarningCode } from '../base/codes'
import type { CoapTrace } from '../coap/types'
import type { AttributeSet } from '../lwm2m/attributes'
import type { ResourceDefinition } from '../lwm2m/model/definition'
import type { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Value } from '../lwm2m/value'
import type { Peer } from '../transport/transport'

export type { Lwm2mVersion }

/** An object as a device registered it. */
export interface RegisteredObject {
  readonly id: number
  /** As announced by `ver`, else what the LwM2M version implies, else undefined. */
  readonly version: string | undefined
  readonly instances: readonly number[]
  /** Gateway prefix of an end device; empty for the device itself. */
  readonly prefix?: string
}

/** A registered device (Core §6.2). Times are milliseconds since the epoch. */
export interface Registration {
  /** The last segment of its location, `/rd/{id}`. */
  readonly id: string
  readonly endpoint: string
  readonly peer: Peer
  readonly version: Lwm2mVersion
  /** Seconds. */
  readonly lifetime: number
  /** The binding without Q, e.g. `U`. */
  readonly binding: string
  readonly queueMode: boolean
  readonly sms: string | undefined
  readonly profileId: string | undefined
  /** Query parameters that the specification does not know. */
  readonly attributes: { readonly [name: string]: string }
  readonly objects: readonly RegisteredObject[]
  /** Alternate root without outer slashes; empty for `/`. */
  readonly root: string
  /** Content-Formats the device prefers (`ct` of its root link). */
  readonly contentFormats: readonly number[]
  readonly registeredAt: number
  readonly updatedAt: number
  /** Of the last message of any kind. */
  readonly lastSeen: number
  readonly expiresAt: number
  readonly state: RegistrationStatus
  /** Of an end device behind a gateway: whose, which instance of its object 25, and what precedes its paths. */
  readonly gateway?: {
    readonly endpoint: string
    readonly instance: number
    readonly prefix: string
  }
}

/**
 * Whether a registered device can be asked now:
 * - `asleep`: a queue-mode device outside its awake window;
 * - `awaiting-handshake`: its DTLS association is gone (closed, or lost with a restart of the server):
 *   requests wait until it has made a new one.
 */
export type RegistrationStatus = 'online' | 'asleep' | 'awaiting-handshake'

/** What an operation answered. */
export interface OperationResult {
  readonly endpoint: string
  /** The path asked for; root for composite operations. */
  readonly path: Path
  /** Numeric CoAP code, always of class 2; error codes reject with {@link DeviceError}. */
  readonly code: number
  /** Content-Format of the answer, where it had one. */
  readonly format: number | undefined
  readonly records: readonly Record[]
  /**
   * Of values: the definition of the resource of a record, as it was found when the value was decoded;
   * other paths are looked up in the same model.
   */
  readonly definitionOf?: ((path: Path) => ResourceDefinition | undefined) | undefined
  /** Writes: Time resources whose numbers were taken for milliseconds (numbers from 1e11 on are). */
  readonly milliseconds?: readonly Path[]
  /** Create: where the new instance is. */
  readonly location?: Path
  /** Discover: the answered links. */
  readonly links?: readonly DiscoveredLink[]
  /** Read-Composite: the paths asked for that the answer says nothing of. */
  readonly missing?: readonly Path[]
}

export interface DiscoveredLink {
  readonly path: Path
  /** `dim`, `ver`, `pmin`, `gt`, …; valueless ones are `true`. */
  readonly attributes: { readonly [name: string]: string | number | true }
}

/** Options of every operation. Times are milliseconds. */
export interface OperationOptions {
  /** Content-Format to send (write, create) or to ask for (read, observe). */
  readonly format?: number
  /**
   * How long the request may take in all, its turn behind other requests included; counts from when
   * it is sent where the device slept, and anew with each block that is answered. Default: as long as
   * it takes, with the response timeout of the server for each message.
   */
  readonly timeout?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (sent: number, total: number) => void
  /** For a sleeping device: how long the request may wait. Default: the server's. */
  readonly ttl?: number
  /** Called when the request has to wait because the device sleeps. */
  readonly onQueued?: () => void
  /** Let this write take the place of an earlier queued write of the same path. */
  readonly replaceQueued?: boolean
  /**
   * Makes a queued request survive a restart: its outcome is then delivered by
   * {@link Lwm2mServerEvents.completed} with the same origin and (JSON) data.
   */
  readonly ticket?: { readonly origin: string; readonly data: unknown }
}

/** Execute arguments (Core §7.3.2.4): `{0: 'a', 1: undefined}` is `0='a',1`. */
export type ExecuteArguments = { readonly [digit: number]: string | undefined } | string

/** Per-subscriber criteria, evaluated by the server (and pushed to the device as attributes). */
export interface ObserveCriteria {
  /** Seconds. */
  readonly pmin?: number
  readonly pmax?: number
  readonly gt?: number
  readonly lt?: number
  readonly st?: number
  /** Deliver only values that differ from the last delivered one. */
  readonly changeOnly?: boolean
}

export interface ObserveRequest {
  /** An endpoint name or a pattern: `*` any run, `?` one character. */
  readonly target: string
  /** One path, or several for Observe-Composite. */
  readonly paths: readonly (Path | string)[]
  readonly criteria?: ObserveCriteria
  /** Attributes to write to the device as they are, beside what the criteria imply. */
  readonly attributes?: AttributeSet
  readonly format?: number
  /** Deliver values of these paths that the device sends on its own (Send), too. */
  readonly includeSend?: boolean
}

export interface ObserveListener {
  /** The first answer and every notification; one call per timestamp, oldest first. */
  onValue(result: ValueReport, registration: Registration): void
  /** An observation could not be made, was refused, or ended. The subscription stays. */
  onError?(endpoint: string, error: CodedError): void
  /** The number of devices observed for this subscription now. */
  onCount?(active: number): void
}

export interface Subscription {
  /** Ends it. Where it was the last one of the observation, the device is told to stop. */
  close(): void
  /**
   * Ends it, but leaves the observation as it is for a minute (and over a restart): for a listener
   * that is about to be made anew. What the device reports meanwhile is kept for it.
   */
  release(): void
}

/** How far a budget is used. */
export interface BudgetUse {
  readonly used: number
  readonly limit: number
}

/** What registrations take of the memory of this process, by budget. */
export interface BudgetLevels {
  readonly objectLists: BudgetUse
  readonly attributes: BudgetUse
  readonly registrations: BudgetUse
  readonly unlimitedLifetimes: BudgetUse
}

/** One event of something wrong that harms nothing else; `code` is stable, `message` is for people. */
export interface ServerWarning {
  readonly code: WarningCode
  readonly message: string
  readonly endpoint?: string
  readonly peer?: Peer
  /** Who could not connect, for people, and from where; what they claimed is not proven. */
  readonly sender?: {
    readonly address: string
    readonly port: number
    readonly identity: string | undefined
  }
  readonly path?: Path
  readonly raw?: Uint8Array
}

/**
 * Why values left a device: it was read (Read, Read-Composite), answered an Observe, notified, or sent
 * them of its own accord (Send).
 */
export type ValueCause = 'read' | 'first' | 'notify' | 'send'

/**
 * Values of one moment as they left a device. `path` is what was asked for; the root of composite
 * operations; the common path of a Send.
 */
export interface ValueReport extends OperationResult {
  readonly registration: Registration
  readonly cause: ValueCause
  /** When they came, ms since the epoch; when they were measured, the records say where they do. */
  readonly time: number
}

export interface Lwm2mServerEvents {
  registered: [registration: Registration, previous: Registration | undefined]
  updated: [registration: Registration, change: RegistrationChange]
  deregistered: [registration: Registration]
  /** The lifetime ended without an Update. */
  expired: [registration: Registration]
  awake: [registration: Registration]
  asleep: [registration: Registration]
  /** Its DTLS association ended: it is `awaiting-handshake` now. */
  disconnected: [registration: Registration]
  /** It came back on a new association. */
  connected: [registration: Registration]
  /** Sent by the device on its own (Core §6.4.6), one event per timestamp, oldest first. */
  send: [result: ValueReport, registration: Registration]
  /** Values that left a device, whatever for; one event per timestamp, oldest first. */
  values: [report: ValueReport]
  /** A queued request with a ticket ended after a restart. */
  completed: [
    ticket: { origin: string; data: unknown },
    outcome: { result: OperationResult } | { error: CodedError },
  ]
  /** How many requests wait for a device. */
  queue: [endpoint: string, length: number]
  warning: [warning: ServerWarning]
  trace: [trace: CoapTrace, endpoint: string | undefined]
}

/** What an Update changed. */
export interface RegistrationChange {
  readonly address: boolean
  readonly lifetime: boolean
  readonly binding: boolean
  readonly objects: boolean
  /** `/1/0`-style paths. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** What can be written: one value, or records, or a tree by id. */
export type WriteInput = Value | readonly Record[] | WriteTree
export interface WriteTree {
  readonly [id: string]: Value | WriteTree
}
