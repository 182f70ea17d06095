import type { Scheduler } from '../../base/scheduler'
import type { CoapRequestInit, ObserveListener, ObserveRelation } from '../../coap/types'
import type { RequestChannel } from '../operations/device-request'
import type { OperationContexts } from '../operations/operation-contexts'
import type { Registration, ServerWarning } from '../types'
import type { ValueCounters } from '../values/value-counters'
import type { ValueStream } from '../values/value-stream'
import type { ObservationKeeper } from './observation-keeper'

/** The registered devices and the way to each, as observations need them. */
export interface ObservableDevices {
  registration(endpoint: string): Registration | undefined
  /** The present registrations, for a new subscription to a pattern. */
  registrations(): Iterable<Registration>
  channel(registration: Registration): RequestChannel
  /**
   * Takes notifications under a token of an earlier run; see `CoapEndpoint.adopt`.
   * @throws PeerGone where the device's peer is not served any more
   */
  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation
}

/** What all observations of a server share: one object, so that each holds one reference. */
export class ObservationParts {
  /** Whether devices can be asked (the ports are bound). */
  ready = true

  /**
   * @param contexts for building and interpreting requests; their warnings are limited
   * @param values told of what devices answer and notify
   * @param warn without a limit
   */
  constructor(
    readonly scheduler: Scheduler,
    readonly devices: ObservableDevices,
    readonly contexts: OperationContexts,
    readonly values: ValueStream,
    readonly counters: ValueCounters,
    readonly keeper: ObservationKeeper,
    readonly warn: (warning: ServerWarning) => void,
  ) {}
}
