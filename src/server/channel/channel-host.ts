import type { Scheduler } from '../../base/scheduler'
import type { CoapEndpoint } from '../../coap/endpoint'
import type { Peer } from '../../transport/transport'
import type { QueueJournal } from '../persistence/queue-journal'
import type { DeviceRegistration } from '../registration/device-registration'
import type { AwakeWindows } from './awake-window'

/** Where the requests of a registration go now. */
export interface Route {
  readonly coap: CoapEndpoint
  readonly peer: Peer
}

/** What channels share: one per server. */
export interface ChannelHost {
  readonly clock: Scheduler
  readonly windows: AwakeWindows
  /** Keeps what waits; `undefined` without a store. */
  readonly journal: QueueJournal | undefined
  /** Default time to live, ms. */
  readonly ttl: number
  /** Requests that may wait for a sleeping device. */
  readonly maxLength: number
  readonly onDeliveryFailure: 'keep' | 'fail'
  /** Requests under way at a time for a device that is not in queue mode (NSTART, RFC 7252 §4.7). */
  readonly nstart: number
  /** @throws PeerGone when the device cannot be reached where it was */
  route(registration: DeviceRegistration): Route
  /** Whether its device can come back: what it spoke to is still served, and its credential is in force. */
  isServed(registration: DeviceRegistration): boolean
  /** Whether the server itself may begin a handshake with its device, whose association is gone. */
  canReconnect(registration: DeviceRegistration): boolean
  /**
   * Begins that handshake and moves the registration to the new association.
   * @throws CodedError `handshake-timeout`, `handshake-failed`
   */
  reconnect(registration: DeviceRegistration): Promise<void>
  nextId(): string
  onQueueChanged(endpoint: string, length: number): void
}
