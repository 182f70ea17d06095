import type { CoapEndpoint } from '../../coap/endpoint'
import { type Peer, PeerGone } from '../../transport/transport'
import type { Endpoints } from '../endpoints'
import type { DeviceRegistration } from '../registration/device-registration'
import type { RegistrationAuthority } from '../registration/registration-authority'
import type { AwakeWindows } from './awake-window'

/** The way to registered devices: through the socket, and to the peer, that each spoke to us with. */
export class Routes {
  /**
   * @param handshakeTimeout for handshakes that the server begins with devices that listen all the
   *   time, ms; `undefined`: it begins none
   * @param onReconnected the device of a registration has a new association
   */
  constructor(
    private readonly endpoints: Endpoints,
    private readonly windows: AwakeWindows,
    private readonly authority: RegistrationAuthority,
    private readonly handshakeTimeout: number | undefined,
    private readonly onReconnected: (registration: DeviceRegistration, peer: Peer) => void,
  ) {}

  /**
   * The CoapEndpoint that the peer of a registration is asked through now.
   * @throws PeerGone when the device cannot be reached where it was
   */
  of({ peer, endpoint, bound }: DeviceRegistration): CoapEndpoint {
    const coap = this.endpoints.of(peer)
    if (bound && coap !== undefined) return coap
    const where = `${peer.address} port ${peer.port}`
    throw new PeerGone(
      peer,
      `${endpoint} cannot be reached at ${where} now: it has to contact the server first`,
    )
  }

  /** Whether its device can come back: what it spoke to is still served, and its credential is in force. */
  isServed({ endpoint, peer }: DeviceRegistration): boolean {
    if (this.endpoints.of(peer) === undefined) return false
    // Of a pinned certificate only the name is known after a restart: nothing can be told of it.
    const { kind } = peer.identity
    if (kind !== 'psk' && kind !== 'rpk') return true
    return this.authority.refuse(endpoint, peer.identity) === undefined
  }

  /** Whether the server itself may begin a handshake with its device, whose association is gone. */
  canReconnect(registration: DeviceRegistration): boolean {
    if (registration.state !== 'awaiting-handshake') return false
    return (
      this.handshakeTimeout !== undefined &&
      registration.binding.includes('U') &&
      !this.windows.appliesTo(registration) &&
      this.isServed(registration) &&
      this.endpoints.get('coaps')?.dtls !== undefined
    )
  }

  /**
   * Begins that handshake and moves the registration to the new association.
   * @throws CodedError `handshake-timeout`, `handshake-failed`
   */
  async reconnect(registration: DeviceRegistration): Promise<void> {
    const { endpoints, handshakeTimeout = 0 } = this
    const peer = await endpoints.get('coaps')?.dtls?.reconnect(registration.peer, handshakeTimeout)
    if (peer !== undefined && !registration.ended) this.onReconnected(registration, peer)
  }
}
