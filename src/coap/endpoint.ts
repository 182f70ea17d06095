import type { Clock } from '../base/clock'
import type { BoundAddress, Peer, Transport } from '../transport/transport'
import { Code } from './codes'
import { CoapCancelled } from './errors'
import type { CoapStats } from './stats'
import type {
  CoapEndpointOptions,
  CoapRequestInit,
  CoapResponse,
  CoapTrace,
  ObserveListener,
  ObserveRelation,
  RequestHandler,
} from './types'

/** Something worth an operator's notice; the endpoint itself goes on. */
export interface CoapWarning {
  readonly code: string
  readonly message: string
  readonly peer?: Peer
  readonly raw?: Uint8Array
}

/** A CoAP endpoint (RFC 7252): both roles over one transport. */
export class CoapEndpoint {
  onRequest: RequestHandler = () => ({ code: Code.NOT_FOUND })
  onActivity: (peer: Peer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (warning: CoapWarning) => void = () => {}
  onTrace: ((trace: CoapTrace) => void) | undefined = undefined
  declare readonly stats: CoapStats

  constructor(
    readonly transport: Transport,
    _options?: CoapEndpointOptions & { readonly clock?: Clock },
  ) {}

  start(): Promise<BoundAddress> {
    return this.transport.start()
  }
  stop(): Promise<void> {
    return this.transport.stop()
  }
  request(_peer: Peer, _init: CoapRequestInit): Promise<CoapResponse> {
    return Promise.reject(new CoapCancelled('not started'))
  }
  observe(
    _peer: Peer,
    _init: CoapRequestInit,
    _listener: ObserveListener,
  ): Promise<ObserveRelation> {
    return Promise.reject(new CoapCancelled('not started'))
  }
  adopt(
    _peer: Peer,
    _init: CoapRequestInit,
    _token: Uint8Array,
    _listener: ObserveListener,
  ): ObserveRelation {
    throw new CoapCancelled('not started')
  }
  migrate(_from: Peer, _to: Peer): void {}
  abort(_peer: Peer, _reason: string): void {}
  pin(peer: Peer, pinned: boolean): void {
    this.transport.pin(peer, pinned)
  }
  ping(_peer: Peer): Promise<void> {
    return Promise.reject(new CoapCancelled('not started'))
  }
}
