import type { CoapOption } from '../../coap/types'

/** What goes on the wire; plain data, so that a queued request survives a restart. */
export interface DeviceRequestInit {
  /** A method code, e.g. `Code.GET`. */
  readonly code: number
  /** Uri-Path segments, the alternate root included. */
  readonly path?: readonly string[]
  readonly query?: readonly string[]
  readonly contentFormat?: number
  readonly accept?: number
  readonly payload?: Uint8Array
  readonly confirmable?: boolean
  readonly options?: readonly CoapOption[]
}

/** One request to a device, as an operation built it. */
export interface DeviceRequest {
  /** The operation's name: `read`, `write`, …; finds the interpreter of a restored request. */
  readonly operation: string
  /** The LwM2M path, `/3/0/9`; `/` for composite operations. Same operation and path: see `replaceQueued`. */
  readonly path: string
  readonly init: DeviceRequestInit
  /** What the operation's interpreter needs beside (plain data: kept with a queued request). */
  readonly data?: unknown
}
