import type { Scheduler } from '../base/scheduler'
import type { CoapRequestInit, ObserveListener, ObserveRelation } from '../coap/types'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { DeviceChannel } from './channel/device-channel'
import { speakerFor } from './objects/end-device'
import type { GatewayInventory } from './objects/gateway-inventory'
import type { ObservableDevices } from './observations/observation-parts'
import type { DeviceFormat } from './operations/content-format'
import type { OperationsHost } from './operations/operations'
import type { ServerCore } from './server-core'
import type { Registration, ServerWarning } from './types'
import type { ValueStream } from './values/value-stream'

/** What is different for each server. */
export interface PartsHostOptions {
  readonly clock: Scheduler
  readonly core: ServerCore
  readonly inventory: GatewayInventory
  model(): ObjectModel
  /** The Content-Format set for an endpoint. */
  deviceFormat(endpoint: string): DeviceFormat | undefined
  readonly values: ValueStream
}

/** What operations and observations get of the server. */
export class PartsHost implements OperationsHost, ObservableDevices {
  readonly clock: Scheduler
  readonly values: ValueStream
  readonly deviceFormat: (endpoint: string) => DeviceFormat | undefined

  constructor(private readonly options: PartsHostOptions) {
    this.deviceFormat = (endpoint) => options.deviceFormat(endpoint)
    this.clock = options.clock
    this.values = options.values
  }

  get model(): ObjectModel {
    return this.options.model()
  }

  registration(endpoint: string): Registration | undefined {
    const { core, inventory } = this.options
    return core.table.get(endpoint) ?? inventory.get(endpoint)
  }

  *registrations(): Iterable<Registration> {
    yield* this.options.core.table
    yield* this.options.inventory
  }

  channel(registration: Registration): DeviceChannel {
    return this.options.core.channel(speakerFor(registration))
  }

  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation {
    const speaker = speakerFor(registration)
    return this.options.core.coapFor(speaker).adopt(registration.peer, init, token, listener)
  }

  warn(warning: ServerWarning): void {
    this.options.core.warn(warning)
  }
}
