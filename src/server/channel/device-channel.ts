import type { CoapResponse, ObserveListener, ObserveRelation } from '../../coap/types'
import type { OperationOptions } from '../types'
import type { DeviceRequest } from './device-request'

/**
 * The one way to a registered device: requests go strictly one after the other, in order, and wait
 * while a queue-mode device sleeps.
 */
export interface DeviceChannel {
  readonly endpoint: string
  readonly state: 'online' | 'asleep'
  /** Requests that wait, the one under way not counted. */
  readonly queueLength: number
  /**
   * Sends a request when its turn comes and answers the response, of whatever code.
   * @throws OperationError `asleep` (with `ttl: 0`), `expired`, `queue-full`, `cancelled`, `unknown-endpoint`
   * @throws CoapTimeout, CoapResponseTimeout, CoapReset, BlockwiseError, PeerGone
   */
  request(request: DeviceRequest, options?: OperationOptions): Promise<CoapResponse>
  /**
   * Starts an observation in the same order as requests; `token` fixes its token.
   * @throws as {@link request}
   */
  observe(
    request: DeviceRequest,
    listener: ObserveListener,
    options?: OperationOptions,
  ): Promise<ObserveRelation>
  /** Ends an observation actively (Observe=1, same token) when its turn comes. @throws as {@link request} */
  cancelObservation(relation: ObserveRelation, options?: OperationOptions): Promise<CoapResponse>
}
