import type {
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../../coap/types'
import type { DeviceRequest, RequestChannel } from '../operations/device-request'
import type { OperationOptions } from '../types'

/**
 * The one way to a registered device: requests go strictly one after the other, in order, and wait
 * while a queue-mode device sleeps.
 */
export declare class DeviceChannel implements RequestChannel {
  readonly endpoint: string
  readonly state: 'online' | 'asleep'
  /** Requests that wait, the one under way not counted. */
  readonly queueLength: number
  /**
   * Sends a request when its turn comes and answers the response, of whatever code.
   * @throws OperationError `asleep` (with `ttl: 0`), `expired`, `queue-full`, `cancelled`
   * @throws CoapTimeout, CoapResponseTimeout, CoapReset, BlockwiseError, PeerGone
   */
  request(request: DeviceRequest, options: OperationOptions): Promise<CoapResponse>
  /**
   * Starts an observation in the same order as requests.
   * @throws as {@link request}
   */
  observe(
    init: CoapRequestInit,
    listener: ObserveListener,
    options: OperationOptions,
  ): Promise<ObserveRelation>
}
