import type { Scheduler } from '../base/scheduler'
import type { CoapRequestInit, ObserveListener, ObserveRelation } from '../coap/types'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { Peer } from '../transport/transport'
import type { DeviceChannel } from './channel/device-channel'
import type { ObservationHost } from './observations/observation-broker'
import type { ObservationStore } from './observations/observation-store'
import type { DeviceFormat } from './operations/content-format'
import type { OperationsHost } from './operations/operations'
import type { SendHost } from './send'
import type { ServerCore } from './server-core'
import type { Registration, ServerWarning } from './types'
import type { ValueStream } from './values/value-stream'

/** What is different for each server. */
export interface PartsHostOptions {
  readonly clock: Scheduler
  readonly core: ServerCore
  readonly relations: ObservationStore | undefined
  model(): ObjectModel
  /** The Content-Format set for an endpoint. */
  deviceFormat(endpoint: string): DeviceFormat | undefined
  readonly values: ValueStream
}

/** What operations, observations and Send get of the server. */
export class PartsHost implements OperationsHost, ObservationHost, SendHost {
  readonly clock: Scheduler
  readonly relations: ObservationStore | undefined
  readonly values: ValueStream
  readonly deviceFormat: (endpoint: string) => DeviceFormat | undefined

  constructor(private readonly options: PartsHostOptions) {
    this.deviceFormat = (endpoint) => options.deviceFormat(endpoint)
    this.clock = options.clock
    this.relations = options.relations
    this.values = options.values
  }

  get model(): ObjectModel {
    return this.options.model()
  }

  registration(endpoint: string): Registration | undefined {
    return this.options.core.table.get(endpoint)
  }

  registrations(): Iterable<Registration> {
    return this.options.core.table
  }

  /** By address over UDP, by identity over DTLS: a new association of a known device counts. */
  registrationOf(peer: Peer): Registration | undefined {
    return this.options.core.lifecycle.speaker(peer)
  }

  channel(registration: Registration): DeviceChannel {
    return this.options.core.channel(registration)
  }

  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation {
    return this.options.core.coapFor(registration).adopt(registration.peer, init, token, listener)
  }

  warn(warning: ServerWarning): void {
    this.options.core.warn(warning)
  }
}
