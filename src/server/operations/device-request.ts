import type {
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../../coap/types'
import type { OperationOptions } from '../types'

/** What of a CoAP request can be written down and sent later: no callbacks, no signals. */
export type DeviceRequestInit = Pick<
  CoapRequestInit,
  | 'code'
  | 'path'
  | 'query'
  | 'contentFormat'
  | 'accept'
  | 'payload'
  | 'confirmable'
  | 'etag'
  | 'options'
  | 'blockSize'
>

/**
 * An operation as it waits for its device: all plain data, so that a queue may keep it over a
 * restart. What its response means is found again by {@link DeviceRequest.operation}.
 */
export interface DeviceRequest {
  /** An `OperationName`. */
  readonly operation: string
  /** The LwM2M path it is about, as text; `/` for composite operations. */
  readonly path: string
  readonly init: DeviceRequestInit
  /** The caller chose the Content-Format: never try another. */
  readonly formatChosen?: boolean
}

/** The way to one registered device: keeps order, waits while it sleeps, fails with typed errors. */
export interface RequestChannel {
  request(request: DeviceRequest, options: OperationOptions): Promise<CoapResponse>
  /** `init` may carry everything a CoAP request can. */
  observe(
    init: CoapRequestInit,
    listener: ObserveListener,
    options: OperationOptions,
  ): Promise<ObserveRelation>
}
