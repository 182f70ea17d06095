import { lookup } from 'node:dns'
import { isIP, isIPv4, SocketAddress } from 'node:net'
import type { Clock } from '../base/clock'
import { CodedError } from '../base/coded-error'
import { mapped } from '../base/ip-address'
import { Association } from '../dtls/associations/association'
import type { ConnectOptions } from '../dtls/client-credentials'
import type { DtlsCounters } from '../dtls/counters'
import { DtlsEndpoint } from '../dtls/endpoint'
import { DtlsSendError, HandshakeFailure } from '../dtls/errors'
import type { DtlsSettings } from '../dtls/options'
import { DatagramSocket } from './datagram-socket'
import { type BoundAddress, type Peer, PeerGone, type Transport } from './transport'

/** Credential, handshake settings and local address of the client. */
export interface DtlsClientTransportOptions
  extends Omit<ConnectOptions, 'timeout' | 'signal'>, Omit<DtlsSettings, 'suites' | 'sessions'> {
  /**
   * Literal address to bind. Default `::` with IPv4-mapped addresses, or `0.0.0.0` on a machine
   * without IPv6.
   */
  readonly host?: string
  /** Local port; default an ephemeral port. */
  readonly port?: number
  /**
   * Timeout of a handshake in milliseconds; default 24,000, which covers five lost retransmissions.
   */
  readonly handshakeTimeout?: number
  /** Size of the socket's receive buffer in bytes, as far as the system allows; default 256 KiB. */
  readonly receiveBuffer?: number
  readonly clock?: Clock
}

/** The most bytes that DTLS adds to a datagram: header, Connection ID, IV, padding, MAC. */
const MOST_OVERHEAD = 128

/**
 * CoAP over DTLS 1.2, client role (RFC 7252 §9). Peers are created only by {@link connect};
 * datagrams from other addresses are dropped.
 */
export class DtlsClientTransport implements Transport {
  readonly scheme = 'coaps'
  /** Payload of a record of 2^14 bytes that fits one datagram. */
  readonly maxDatagram = (1 << 14) - MOST_OVERHEAD

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}

  private readonly socket: DatagramSocket
  private endpoint: DtlsEndpoint
  private readonly peers = new Map<string, Association>()
  private readonly connecting = new Map<string, Promise<Association>>()
  private starting: Promise<BoundAddress> | undefined
  private stopping: Promise<void> = Promise.resolve()

  /** @throws CodedError `invalid-argument`, DtlsConfigurationError `bad-option` */
  constructor(private readonly options: DtlsClientTransportOptions) {
    checkPsk(options)
    const { host, port = 0, receiveBuffer = 1 << 18 } = options
    this.socket = new DatagramSocket({ host, port, receiveBuffer })
    this.socket.onMessage = (datagram, address, from) =>
      this.endpoint.receive(datagram, address, from)
    this.socket.onError = (message) => this.onWarning(message)
    this.endpoint = this.createEndpoint()
  }

  /** Counters since the last start. */
  get counters(): DtlsCounters {
    return this.endpoint.counters
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
        this.peers.clear()
        this.endpoint.stop()
        await this.socket.close()
      })()
    }
    return this.stopping
  }

  send(peer: Peer, datagram: Uint8Array): void {
    if (!(peer instanceof Association)) throw new PeerGone(peer)
    try {
      this.endpoint.send(peer, datagram)
    } catch (error) {
      if (error instanceof DtlsSendError && error.code === 'association-ended') {
        throw new PeerGone(peer)
      }
      throw error
    }
  }

  /** Returns the association with a server, or establishes a new one. */
  async connect(host: string, port: number): Promise<Peer> {
    const address = this.onWire(await this.resolve(host))
    const key = `${address}|${port}`
    const known = this.peers.get(key)
    if (known !== undefined) return known
    const attempt = this.connecting.get(key) ?? this.shakeHands(key, address, port)
    this.connecting.set(key, attempt)
    try {
      return await attempt
    } finally {
      if (this.connecting.get(key) === attempt) this.connecting.delete(key)
    }
  }

  /** A client has few servers, so none is evicted. */
  pin(_peer: Peer, _pinned: boolean): void {}

  close(peer: Peer, reason: string): void {
    if (!(peer instanceof Association)) return
    this.forget(peer)
    this.endpoint.close(peer, reason)
  }

  /** The most bytes that one `send` to this peer can carry within one datagram of its path. */
  maxDatagramFor(peer: Peer): number {
    return peer instanceof Association
      ? peer.maxDatagram(this.endpoint.settings.mtu)
      : this.maxDatagram
  }

  private async shakeHands(key: string, address: string, port: number): Promise<Association> {
    const { credentials, suites, connectionId, maxFragmentLength, resume } = this.options
    try {
      const association = await this.endpoint.connect(address, port, {
        credentials,
        suites,
        connectionId,
        maxFragmentLength,
        resume,
      })
      if (!association.ended) this.peers.set(key, association)
      return association
    } catch (error) {
      if (!(error instanceof HandshakeFailure)) throw error
      const code = error.code === 'handshake-timeout' ? 'handshake-timeout' : 'handshake-failed'
      throw new CodedError(code, error.message, { cause: error })
    }
  }

  /** @returns whether it was created by {@link connect} */
  private forget(association: Association): boolean {
    for (const [key, known] of this.peers) {
      if (known === association) return this.peers.delete(key)
    }
    return false
  }

  /** Converts an address to the form of the socket: canonical, IPv4-mapped on an IPv6 socket. */
  private onWire(address: string): string {
    if (isIPv4(address)) return this.socket.isIpv6 ? mapped(address) : address
    const [bare = '', zone] = address.split('%')
    const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address
    return zone === undefined ? canonical : `${canonical}%${zone}`
  }

  private resolve(host: string): Promise<string> {
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
    if (isIP(bare) !== 0) return Promise.resolve(bare)
    return new Promise((resolve, reject) => {
      lookup(bare, { family: this.socket.isIpv6 ? 0 : 4 }, (error, address) => {
        if (error === null) resolve(address)
        else {
          const message = `${host} cannot be resolved`
          reject(new CodedError('unresolvable', message, { cause: error }))
        }
      })
    })
  }

  private async bind(): Promise<BoundAddress> {
    await this.stopping
    // A stopped endpoint stays stopped; the first start uses the one made by the constructor.
    if (this.endpoint.stopped) this.endpoint = this.createEndpoint()
    return this.socket.bind()
  }

  private createEndpoint(): DtlsEndpoint {
    const { handshakeTimeout = 24_000, clock } = this.options
    const { suites: _suites, ...settings } = this.options
    const endpoint = new DtlsEndpoint({
      ...settings,
      handshakeTimeout,
      clock,
      accept: false,
      credentials: {},
      output: (datagram, address, port) => this.socket.send(datagram, address, port),
    })
    endpoint.onMessage = (association, message) => this.onMessage(association, message)
    endpoint.onAssociationEnded = (association, reason) => {
      if (this.forget(association)) this.onPeerGone(association, reason)
    }
    endpoint.onWarning = (message) => this.onWarning(message)
    return endpoint
  }
}

function checkPsk({ credentials: { psk } }: DtlsClientTransportOptions): void {
  if (psk === undefined) return
  if (psk.identity.length === 0 || psk.identity.length > 128) {
    throw new CodedError('invalid-argument', 'a PSK identity has 1 to 128 bytes')
  }
  if (psk.key.length === 0 || psk.key.length > 64) {
    throw new CodedError('invalid-argument', 'a PSK key has 1 to 64 bytes')
  }
}
