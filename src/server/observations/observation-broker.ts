import type { Clock } from '../../base/clock'
import type {
  CoapRequestInit,
  ObserveListener as CoapObserver,
  ObserveRelation,
} from '../../coap/types'
import type { ObjectModel } from '../../lwm2m/model/definition'
import type { RequestChannel } from '../operations/device-request'
import type {
  ObserveListener,
  ObserveRequest,
  OperationResult,
  Registration,
  ServerWarning,
  Subscription,
} from '../types'
import type { RelationStore } from './relation-store'

/** What the broker needs of the server. */
export interface ObservationHost {
  readonly clock: Clock
  readonly model: ObjectModel
  readonly relations?: RelationStore
  registration(endpoint: string): Registration | undefined
  /** The present registrations, for a new subscription to a pattern. */
  registrations(): Iterable<Registration>
  channel(registration: Registration): RequestChannel
  /** `CoapEndpoint.adopt` of the endpoint this device speaks through. */
  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: CoapObserver,
  ): ObserveRelation
  warn(warning: ServerWarning): void
}

export declare class ObservationBroker {
  constructor(host: ObservationHost)
  /** Reads what was kept. Call once, before devices or subscribers come. */
  restore(): Promise<void>
  /** @throws OperationError `invalid-argument`, PathError, AttributeError */
  observe(request: ObserveRequest, listener: ObserveListener): Subscription
  /** After the 2.01 was sent: the old relations are gone, the wanted ones are made again. */
  onRegistered(registration: Registration): void
  /** After the 2.04: objects that appeared are observed where wanted. */
  onUpdated(registration: Registration): void
  /** De-registered or expired. */
  onGone(endpoint: string): void
  onAwake(registration: Registration): void
  /** Values of a Send, for subscribers with `includeSend`. */
  onSend(registration: Registration, results: readonly OperationResult[]): void
  /** Ends without a message to the devices: their observations are taken up again after a restart. */
  stop(): void
}
