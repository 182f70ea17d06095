import { isIPv4 } from 'node:net'
import { CodedError } from '../base/coded-error'
import { mapped } from '../base/ip-address'
import type { Clock } from '../base/clock'
import { Association } from '../dtls/associations/association'
import type { DtlsCounters } from '../dtls/counters'
import type { DtlsCredentials } from '../dtls/credentials'
import { DtlsServer } from '../dtls/endpoint'
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
  /** A literal address. Default `::` with IPv4 mapped into it, or `0.0.0.0` on a machine without IPv6. */
  readonly host?: string
  /** 0 for an ephemeral port. Default 5684 (RFC 7252 §6.2). */
  readonly port?: number
  /** Bytes of the socket's receive buffer, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
  readonly clock?: Clock
}

/** A handshake that came to nothing, told once. */
export interface HandshakeFailureReport {
  readonly code: HandshakeFailureCode
  /** For the operator; the true reason, without secrets. */
  readonly reason: string
  /** As far as the client claimed one; not proven. */
  readonly identity: PeerIdentity | undefined
  readonly address: string
  readonly port: number
}

/** What all protections together may add to a datagram: header, Connection ID, IV, padding, MAC. */
const MOST_OVERHEAD = 128

/**
 * CoAP over DTLS 1.2, server role (RFC 7252 §9): a `Peer` is a security association, so its address
 * may change while it lives, and a device that connects anew is another peer.
 */
export class DtlsTransport implements Transport {
  readonly scheme = 'coaps'
  /** What a record of 2^14 bytes and its datagram carry; {@link maxDatagramFor} knows a device's own limit. */
  readonly maxDatagram = (1 << 14) - MOST_OVERHEAD

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}
  /** A device could not connect. Default: a warning. */
  onHandshakeFailed: (failure: HandshakeFailureReport) => void = (failure) => {
    const { identity, address, port, reason } = failure
    const who = identity === undefined ? '' : ` (${describeIdentity(identity)})`
    this.onWarning(`the DTLS handshake with ${address}:${port}${who} failed: ${reason}`)
  }

  private readonly proofs = new WeakMap<UnprovenPath, PathProof>()
  private readonly socket: DatagramSocket
  private server: DtlsServer
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

  /** Counts since the last start. */
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

  /** @throws CodedError `unsupported`, always: a device must come first (it knows how to reach us) */
  connect(host: string, port: number): Promise<Peer> {
    return Promise.reject(
      new CodedError(
        'unsupported',
        `a DTLS server does not connect to ${host}:${port}: the device must connect first`,
      ),
    )
  }

  /**
   * Begins a handshake with a device whose association is gone, in the client role, where it was heard
   * last. Only for devices that listen all the time, never for one in queue mode. Where the device
   * begins one itself meanwhile, that one counts.
   * @param timeout milliseconds for the handshake
   * @throws CodedError `handshake-timeout`; `handshake-failed` also where its credential is gone
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

  /** A credential was removed or changed: ends what was made with it, at once. Answers how many associations. */
  closeWhere(predicate: (identity: PeerIdentity) => boolean, reason: string): number {
    return this.server.closeWhere(predicate, reason)
  }

  /** The most bytes that one `send` to this peer may carry, if they are to fit one datagram of its path. */
  maxDatagramFor(peer: Peer): number {
    return peer instanceof Association
      ? peer.maxDatagram(this.server.settings.mtu)
      : this.maxDatagram
  }

  /** Notes what is sent to an unproven address; asks whether the peer is there if that needs more. */
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
    // A stopped one stays stopped; the first start takes the constructor's.
    if (this.server.stopped) this.server = this.createServer()
    await this.server.start()
    return this.socket.bind()
  }

  private createServer(): DtlsServer {
    const server = new DtlsServer({
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
