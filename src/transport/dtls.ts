import { isIPv4 } from 'node:net'
import { CodedError } from '../base/coded-error'
import { mapped } from '../base/ip-address'
import type { Clock } from '../base/clock'
import { Association } from '../dtls/associations/association'
import type { DtlsCounters } from '../dtls/counters'
import type { DtlsCredentials } from '../dtls/credentials'
import { DtlsEndpoint } from '../dtls/endpoint'
import { DtlsSendError, HandshakeFailure, type HandshakeFailureCode } from '../dtls/errors'
import type { DtlsSettings } from '../dtls/options'
import type { UnprovenPath } from '../dtls/associations/unproven-path'
import { PathProof } from './path-proof'
import { DatagramSocket } from './datagram-socket'
import { deviceCredentials } from './device-credentials'
import {
  type BoundAddress,
  describeIdentity,
  type Peer,
  PeerGone,
  type PeerIdentity,
  type Transport,
} from './transport'

/** Where to bind, who may connect, and the settings of DTLS. */
export interface DtlsTransportOptions extends DtlsSettings {
  readonly credentials: DtlsCredentials
  /**
   * Literal address to bind. Default `::` with IPv4-mapped addresses, or `0.0.0.0` on a machine
   * without IPv6.
   */
  readonly host?: string
  /** Port to bind; 0 for an ephemeral port. Default 5684 (RFC 7252 §6.2). */
  readonly port?: number
  /** Size of the socket's receive buffer in bytes, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
  readonly clock?: Clock
}

/** A failed handshake, reported once. */
export interface HandshakeFailureReport {
  readonly code: HandshakeFailureCode
  /** The real reason, for the operator; without secrets. */
  readonly reason: string
  /** The identity that the client claimed, if any; not verified. */
  readonly identity: PeerIdentity | undefined
  readonly address: string
  readonly port: number
}

/** The most bytes that DTLS adds to a datagram: header, Connection ID, IV, padding, MAC. */
const MOST_OVERHEAD = 128

/**
 * CoAP over DTLS 1.2, server role (RFC 7252 §9). A `Peer` is a security association: its address
 * may change while the association exists, and a device that connects again is a new peer.
 */
export class DtlsTransport implements Transport {
  readonly scheme = 'coaps'
  /**
   * Payload of a record of 2^14 bytes that fits one datagram; {@link maxDatagramFor} gives the
   * limit of a device.
   */
  readonly maxDatagram = (1 << 14) - MOST_OVERHEAD

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}
  /** Called when a handshake failed. Default: a warning. */
  onHandshakeFailed: (failure: HandshakeFailureReport) => void = (failure) => {
    const { identity, address, port, reason } = failure
    const who = identity === undefined ? '' : ` (${describeIdentity(identity)})`
    this.onWarning(`the DTLS handshake with ${address}:${port}${who} failed: ${reason}`)
  }

  private readonly proofs = new WeakMap<UnprovenPath, PathProof>()
  private readonly socket: DatagramSocket
  private server: DtlsEndpoint
  private starting: Promise<BoundAddress> | undefined
  private stopping: Promise<void> = Promise.resolve()

  /** @throws DtlsConfigurationError `bad-option` */
  constructor(private readonly options: DtlsTransportOptions) {
    this.socket = new DatagramSocket({ ...options, port: options.port ?? 5684 })
    this.socket.onMessage = (datagram, address, port) =>
      this.server.receive(datagram, address, port)
    this.socket.onError = (message) => this.onWarning(message)
    this.server = this.createServer()
  }

  /** Counters since the last start. */
  get counters(): DtlsCounters {
    return this.server.counters
  }

  start(): Promise<BoundAddress> {
    this.starting ??= this.bind().catch((error: unknown) => {
      this.starting = undefined
      throw error
    })
    return this.starting
  }

  stop(): Promise<void> {
    const { starting } = this
    if (starting !== undefined) {
      this.starting = undefined
      this.stopping = (async () => {
        await starting.catch(() => {})
        this.server.stop()
        await this.socket.close()
      })()
    }
    return this.stopping
  }

  send(peer: Peer, datagram: Uint8Array): void {
    if (!(peer instanceof Association)) throw new PeerGone(peer)
    try {
      this.server.send(peer, datagram)
      if (peer.path !== undefined) this.provePath(peer, datagram)
    } catch (error) {
      if (error instanceof DtlsSendError && error.code === 'association-ended') {
        throw new PeerGone(peer)
      }
      throw error
    }
  }

  /**
   * Always rejects: the device must connect first, because it knows the server's address.
   * @throws CodedError `unsupported`
   */
  connect(host: string, port: number): Promise<Peer> {
    return Promise.reject(
      new CodedError(
        'unsupported',
        `a DTLS server does not connect to ${host}:${port}: the device must connect first`,
      ),
    )
  }

  /**
   * Starts a handshake in the client role with a device whose association ended, at its last known
   * address. Only for devices that listen all the time, never for one in queue mode. If the device
   * starts a handshake itself meanwhile, that one is used.
   * @param timeout milliseconds for the handshake
   * @throws CodedError `handshake-timeout`; `handshake-failed`, also if its credential was removed
   */
  async reconnect(peer: Peer, timeout: number, signal?: AbortSignal): Promise<Peer> {
    const credentials = await deviceCredentials(peer, this.options.credentials)
    if (credentials === undefined) {
      const message = `there is no credential for ${describeIdentity(peer.identity)} any more`
      throw new CodedError('handshake-failed', message)
    }
    const { address, port } = peer
    const wire = this.socket.isIpv6 && isIPv4(address) ? mapped(address) : address
    const connectionId = this.server.settings.connectionIdLength > 0 ? 'both' : 'off'
    try {
      return await this.server.connect(wire, port, { credentials, connectionId, timeout, signal })
    } catch (error) {
      if (!(error instanceof HandshakeFailure)) throw error
      const code = error.code === 'handshake-timeout' ? 'handshake-timeout' : 'handshake-failed'
      throw new CodedError(code, error.message, { cause: error })
    }
  }

  pin(peer: Peer, pinned: boolean): void {
    if (peer instanceof Association) this.server.pin(peer, pinned)
  }

  close(peer: Peer, reason: string): void {
    if (peer instanceof Association) this.server.close(peer, reason)
  }

  /**
   * Closes the associations whose identity matches, at once, after a credential was removed or
   * changed. Returns their number.
   */
  closeWhere(predicate: (identity: PeerIdentity) => boolean, reason: string): number {
    return this.server.closeWhere(predicate, reason)
  }

  /** The most bytes that one `send` to this peer can carry within one datagram of its path. */
  maxDatagramFor(peer: Peer): number {
    return peer instanceof Association
      ? peer.maxDatagram(this.server.settings.mtu)
      : this.maxDatagram
  }

  /**
   * Records what is sent to an unverified address and sends a ping if the address has to be
   * verified.
   */
  private provePath(peer: Association, datagram: Uint8Array): void {
    const { path } = peer
    if (path === undefined) return
    const proof = this.proofs.get(path) ?? new PathProof()
    this.proofs.set(path, proof)
    proof.onSent(datagram)
    if (!path.withheld) return
    path.withheld = false
    const ping = proof.nextPing()
    if (ping !== undefined) this.server.send(peer, ping)
  }

  private receive(peer: Association, message: Buffer): void {
    const { path } = peer
    const proof = path?.isCurrent === true ? this.proofs.get(path) : undefined
    const shown = proof?.onReceived(message) ?? 'nothing'
    if (shown !== 'nothing') this.server.confirmPath(peer)
    if (shown !== 'answer-to-ping') this.onMessage(peer, message)
  }

  private async bind(): Promise<BoundAddress> {
    await this.stopping
    // A stopped server stays stopped; the first start uses the one made by the constructor.
    if (this.server.stopped) this.server = this.createServer()
    await this.server.start()
    return this.socket.bind()
  }

  private createServer(): DtlsEndpoint {
    const server = new DtlsEndpoint({
      ...this.options,
      output: (datagram, address, port) => this.socket.send(datagram, address, port),
    })
    server.onMessage = (association, message) => this.receive(association, message)
    server.onAssociationEnded = (association, reason) => this.onPeerGone(association, reason)
    server.onHandshakeFailed = (report) => this.onHandshakeFailed(report)
    server.onWarning = (message) => this.onWarning(message)
    return server
  }
}
