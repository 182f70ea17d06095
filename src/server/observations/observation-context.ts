import type { Scheduler } from '../../base/scheduler'
import type { CoapRequestInit, ObserveListener, ObserveRelation } from '../../coap/types'
import type { RequestChannel } from '../operations/device-request'
import type { OperationContext } from '../operations/operation'
import type { Registration, ServerWarning } from '../types'
import type { ValueStream } from '../values/value-stream'
import type { StoredObservation } from './observation-store'

/** What all relations share: made once by the broker. */
export interface ObservationContext {
  readonly clock: Scheduler
  /** Whether devices can be asked (the ports are bound). */
  ready(): boolean
  registration(endpoint: string): Registration | undefined
  /** Told of what devices answer and notify. */
  readonly values: ValueStream
  channel(registration: Registration): RequestChannel
  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation
  /** For building and interpreting; its warnings are limited. */
  operation(format: number | undefined): OperationContext
  /** Resolves when the relation is kept, or keeping it failed (which is a warning). */
  keep(relation: StoredObservation): Promise<void> | undefined
  /** The relation is over: it is not kept any more. */
  forget(endpoint: string, key: string): void
  /** The same warning once an hour. */
  warn(warning: ServerWarning): void
  warnAlways(warning: ServerWarning): void
}
