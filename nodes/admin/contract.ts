/**
 * What the admin HTTP API says, as JSON: shared by the routes (`nodes/admin/`) and the editor
 * (`nodes/editor/`). Types only. All paths are below `lwm2m/`; times are ms since the epoch.
 *
 * | route | permission | answer |
 * |---|---|---|
 * | GET servers | read | ServerInfo[] |
 * | GET :server/devices?q=&limit= | read | DeviceList |
 * | GET :server/devices/:endpoint | read | DeviceDetail |
 * | GET :server/model | read | ObjectSummary[] |
 * | GET :server/model/:object?version= | read | ObjectInfo |
 * | GET :server/search?q= | read | ModelMatch[] |
 * | GET :server/statistics | read | counters (`ServerStatistics` of the engine) |
 * | POST :server/devices/:endpoint/request | write | RequestOutcome (body RequestBody) |
 * | POST :server/devices/:endpoint/watch | write | WatchList (body WatchBody) |
 * | GET :server/devices/:endpoint/values?since= | read | ValueUpdates |
 * | GET :server/traffic?since=&endpoint= | read | TrafficPage |
 * | POST :server/store/repair, :server/store/empty | write | StoreOutcome |
 * | POST :server/store/export | write | JSON lines (`exportLines` of the engine) |
 *
 * `:endpoint` is a name with `~` before it, which may be left out where the name does not begin with one
 * and is neither `.` nor `..`. `:server` is a config node's id; for the model also `-`: the built-in registry. An error is answered
 * with a 4xx or 5xx status and an {@link ApiError}.
 */

export interface ApiError {
  readonly code: string
  readonly message: string
}

export interface ServerInfo {
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'starting' | 'failed'
  /** Why it failed. */
  readonly error?: string
  /** What can be done where it failed for its store. */
  readonly storeActions?: readonly StoreAction[]
  readonly devices: number
  /** Where devices reach it: `coap://192.0.2.1:5683`, … */
  readonly addresses: readonly string[]
}

/** About a store that cannot be used: the old folder is kept beside it. */
export type StoreAction = 'repair' | 'empty' | 'export'

export interface StoreOutcome {
  /** Where the old folder is now. */
  readonly aside: string
  /** Of a repair: entries that were kept. */
  readonly kept?: number
  /** Of a repair: entries that were found, but are corrupt. */
  readonly corrupt?: number
}

export type DeviceState = 'online' | 'asleep' | 'awaiting-handshake' | 'gone'

export interface DeviceInfo {
  readonly endpoint: string
  readonly state: DeviceState
  readonly lastSeen: number
  readonly expiresAt: number
  readonly version: string
  /** `none`, `psk`, `rpk`, `x509`. */
  readonly security: string
  readonly address: string
  /** Requests that wait. */
  readonly queued: number
}

export interface DeviceList {
  readonly devices: readonly DeviceInfo[]
  /** Devices that match, of which the list may hold fewer. */
  readonly matching: number
  readonly total: number
}

export interface DeviceDetail extends DeviceInfo {
  readonly lifetime: number
  readonly binding: string
  readonly queueMode: boolean
  readonly registeredAt: number
  readonly updatedAt: number
  readonly objects: readonly DeviceObject[]
  /** Requests that wait for the device, in their order; at most 100. */
  readonly pending: readonly PendingInfo[]
}

/** A request that waits until the device wakes up. */
export interface PendingInfo {
  readonly operation: string
  readonly path: string
  readonly queuedAt: number
  readonly expiresAt: number
}

/** An object that a device registered, with what the model knows of it. */
export interface DeviceObject {
  readonly id: number
  /** Gateway prefix of an end device. */
  readonly prefix: string
  readonly version?: string
  readonly name?: string
  readonly instances: readonly number[]
}

export interface ObjectSummary {
  readonly id: number
  readonly name: string
  readonly version: string
  readonly multiple: boolean
}

export interface ResourceInfo {
  readonly id: number
  readonly name: string
  readonly type: string
  /** `R`, `W`, `RW`, `E` or nothing. */
  readonly operations: string
  readonly multiple: boolean
  readonly mandatory: boolean
  readonly units?: string
  readonly range?: string
}

export interface ObjectInfo extends ObjectSummary {
  readonly resources: readonly ResourceInfo[]
}

/** An object, or a resource of it, whose name or id matches a search. */
export interface ModelMatch {
  readonly object: number
  readonly objectName: string
  readonly multiple: boolean
  readonly resource?: ResourceInfo
}

/** A value as JSON can carry it. */
export interface ValueInfo {
  readonly path: string
  /** The resource's name, where it is known. */
  readonly name?: string
  readonly type?: string
  readonly units?: string
  /** Bytes as hex, 64-bit integers and object links as text, times as ISO 8601. */
  readonly value: string | number | boolean | null
  readonly time: number
}

export interface RequestBody {
  readonly operation:
    'read' | 'write' | 'execute' | 'discover' | 'write-attributes' | 'create' | 'delete'
  readonly path: string
  /** As a flow would put it into msg.payload; text for a typed resource is read by its type. */
  readonly value?: unknown
}

export interface RequestOutcome {
  /** `2.05`, … */
  readonly code: string
  readonly format?: string
  readonly values: readonly ValueInfo[]
  /** Discover: path and attributes as text. */
  readonly links?: readonly { readonly path: string; readonly attributes: string }[]
  /** ms from request to answer. */
  readonly duration: number
}

/** The paths that a sidebar or dialog wants to see live; replaces its earlier subscription, lapses after 30 s. */
export interface WatchBody {
  /** Chosen by the client, random. */
  readonly watcher: string
  readonly paths: readonly string[]
}

export interface WatchList {
  readonly paths: readonly string[]
  readonly errors: { readonly [path: string]: string }
}

export interface ValueUpdates {
  /** For the next `since`. */
  readonly cursor: number
  readonly values: readonly ValueInfo[]
  readonly errors: { readonly [path: string]: string }
}

/** One message of a device's CoAP traffic. */
export interface TrafficEntry {
  readonly seq: number
  readonly time: number
  readonly direction: 'in' | 'out'
  readonly endpoint?: string
  readonly peer: string
  readonly type: 'CON' | 'NON' | 'ACK' | 'RST'
  /** `GET`, `2.05`, … */
  readonly code: string
  readonly path?: string
  readonly query?: string
  readonly format?: string
  readonly observe?: number
  readonly block?: string
  readonly size: number
  readonly repeated: boolean
  /** The payload decoded by its format, as text; hex where it cannot be. Cut at 2 kB. */
  readonly payload?: string
}

export interface TrafficPage {
  readonly cursor: number
  /** Oldest first, at most 200. */
  readonly entries: readonly TrafficEntry[]
  /** Entries that fell out of the ring before they were fetched. */
  readonly lost: number
}
