import type { CoapRequestInit, ObserveListener, ObserveRelation } from '../coap/types'
import type { DeviceChannel } from './channel/device-channel'
import { speakerFor } from './objects/end-device'
import type { GatewayInventory } from './objects/gateway-inventory'
import type { ObservableDevices } from './observations/observation-parts'
import type { ServerCore } from './server-core'
import type { Registration } from './types'

/** The registered devices and those behind gateways, with the way to each. */
export class DeviceAccess implements ObservableDevices {
  constructor(
    private readonly core: ServerCore,
    private readonly inventory: GatewayInventory,
  ) {}

  registration(endpoint: string): Registration | undefined {
    return this.core.table.get(endpoint) ?? this.inventory.get(endpoint)
  }

  *registrations(): Iterable<Registration> {
    yield* this.core.table
    yield* this.inventory
  }

  channel(registration: Registration): DeviceChannel {
    return this.core.channel(speakerFor(registration))
  }

  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation {
    const speaker = speakerFor(registration)
    return this.core.coapFor(speaker).adopt(registration.peer, init, token, listener)
  }
}
