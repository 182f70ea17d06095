import type { Clock } from '../base/clock'
import type { CoapEndpoint } from '../coap/endpoint'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { DeviceChannel } from './channel/device-channel'
import type { RelationStore } from './persistence/relation-store'
import type { RegistrationRegistry } from './registration/registration-registry'
import type { Registration, ServerWarning } from './types'

/** What the parts of the server (operations, observations, Send) get of the whole. */
export interface ServerContext {
  readonly clock: Clock
  /** Reloadable: ask again each time. */
  readonly model: ObjectModel
  readonly registrations: RegistrationRegistry
  readonly relations: RelationStore
  /** The channel of a registered device. @throws OperationError `unknown-endpoint`, `not-running` */
  channel(endpoint: string): DeviceChannel
  /** The CoAP endpoint that a registration's peer speaks to (UDP or DTLS), and the peer to use now. */
  endpointOf(registration: Registration): CoapEndpoint
  warn(warning: ServerWarning): void
}
