import type {
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../../coap/types'
import type { Path } from '../../lwm2m/path'
import type { OperationOptions, Registration } from '../types'

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
  /** The endpoint, where that is an end device behind the gateway that the request is sent to. */
  readonly endpoint?: string
  /** The LwM2M path it is about, as text; `/` for composite operations. */
  readonly path: string
  readonly init: DeviceRequestInit
  /** The caller chose the Content-Format: never try another. */
  readonly formatChosen?: boolean
  /** Of a write: paths of Times whose numbers were taken for milliseconds. */
  readonly milliseconds?: readonly string[]
  /** Of a write: what it sets (paths, or the names of attributes); see {@link supersedes}. */
  readonly sets?: readonly string[]
  /** Of a write: all else at its path is replaced too. */
  readonly replaces?: true
}

/**
 * Whether a write makes an earlier one of the same path pointless: it sets all that the earlier one
 * does. What only one of two partial updates says must not get lost.
 */
export function supersedes(later: DeviceRequest, earlier: DeviceRequest): boolean {
  if (later.operation !== earlier.operation || later.path !== earlier.path) return false
  if (later.endpoint !== earlier.endpoint) return false
  if (later.sets === undefined || earlier.sets === undefined) return false
  if (later.replaces === true) return true
  return earlier.replaces !== true && earlier.sets.every((name) => later.sets?.includes(name))
}

/** Collects the paths of Times whose numbers were taken for milliseconds. */
export class MillisecondNotes {
  private readonly paths: string[] = []

  readonly add = (path: Path): void => void this.paths.push(path.toString())

  /** As a member of a request. */
  get member(): Pick<DeviceRequest, 'milliseconds'> {
    return this.paths.length === 0 ? {} : { milliseconds: this.paths }
  }
}

/** A request on its way to its device, and who is told of its end. */
export interface RequestCall {
  readonly request: DeviceRequest
  /**
   * Encodes the request anew: the device registered anew, or its objects or formats changed, while it
   * waited.
   * @throws what building it threw
   */
  encode?(): void
  /**
   * The response, of whatever code; told from within the message that brings it.
   * @param from the registration that it was asked of in the end
   */
  onResponse(response: CoapResponse, from: Registration): void
  onFailure(error: unknown): void
}

/** The way to one registered device: keeps order, waits while it sleeps, fails with typed errors. */
export interface RequestChannel {
  /** {@link request} without a promise. */
  submit(call: RequestCall, options: OperationOptions): void
  request(request: DeviceRequest, options: OperationOptions): Promise<CoapResponse>
  /** `init` may carry everything a CoAP request can. */
  observe(
    init: CoapRequestInit,
    listener: ObserveListener,
    options: OperationOptions,
  ): Promise<ObserveRelation>
}
