import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { CodedError } from '../base/coded-error'
import {
  PeerGone,
  type BoundAddress,
  type Peer,
  type PeerIdentity,
  type Transport,
} from '../transport/transport'
import { DtlsClientSocket } from './dtls-client-socket'

export interface DtlsClientOptions {
  /** Up to 128 bytes. */
  readonly identity: Uint8Array
  /** Up to 64 bytes. */
  readonly key: Uint8Array
  /** Local port; default an ephemeral one. */
  readonly port?: number
  /** Milliseconds of one handshake; default 8000. */
  readonly handshakeTimeout?: number
  /** Handshakes tried before `connect` gives up on a server that does not answer; default 3. */
  readonly attempts?: number
}

class DtlsServerPeer implements Peer {
  readonly secure = true

  constructor(
    readonly id: string,
    readonly identity: PeerIdentity,
    readonly address: string,
    readonly port: number,
    readonly socket: DtlsClientSocket,
  ) {}
}

let associations = 0

/**
 * `coaps` from the client's side with a pre-shared key. One association per server, each on a socket
 * of its own; {@link connect} shakes hands and is the only way to a peer.
 */
export class DtlsClientTransport implements Transport {
  readonly scheme = 'coaps'
  /** What fits a datagram after record header, nonce and tag. */
  readonly maxDatagram = 16_384

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}

  private readonly peers = new Map<string, DtlsServerPeer>()
  private readonly closing = new Set<Promise<void>>()
  private running = false

  /** @throws CodedError `invalid-argument` */
  constructor(private readonly options: DtlsClientOptions) {
    const { identity, key } = options
    if (identity.length === 0 || identity.length > 128) {
      throw new CodedError('invalid-argument', 'a PSK identity has 1 to 128 bytes')
    }
    if (key.length === 0 || key.length > 64) {
      throw new CodedError('invalid-argument', 'a PSK key has 1 to 64 bytes')
    }
  }

  /** Ports are bound by handshakes: there is nothing to bind before. */
  start(): Promise<BoundAddress> {
    this.running = true
    return Promise.resolve({ address: '0.0.0.0', port: this.options.port ?? 0 })
  }

  async stop(): Promise<void> {
    this.running = false
    for (const peer of [...this.peers.values()]) this.drop(peer)
    await Promise.all(this.closing)
  }

  send(peer: Peer, datagram: Uint8Array): void {
    const known = this.peers.get(peer.id)
    if (known === undefined) throw new PeerGone(peer)
    try {
      known.socket.send(datagram)
    } catch (error) {
      this.lost(known, error instanceof Error ? error.message : String(error))
      throw new PeerGone(peer)
    }
  }

  /**
   * The association with a server: the one that stands, or a new one.
   * @throws CodedError `handshake-timeout`, `handshake-failed`, `unresolvable`
   */
  async connect(host: string, port: number): Promise<Peer> {
    const address = await resolve(host)
    for (const peer of this.peers.values()) {
      if (peer.address === address && peer.port === port) return peer
    }
    const socket = await this.shakeHands(address, port)
    if (!this.running) {
      await socket.close()
      throw new CodedError('cancelled', 'the transport stopped')
    }
    const peer = new DtlsServerPeer(
      `dtls-client:${++associations}`,
      { kind: 'psk', identity: this.options.identity },
      address,
      port,
      socket,
    )
    this.peers.set(peer.id, peer)
    socket.onMessage = (datagram) => this.onMessage(peer, datagram)
    socket.onLost = (reason) => this.lost(peer, reason)
    return peer
  }

  /** Servers are few: none is forgotten. */
  pin(_peer: Peer, _pinned: boolean): void {}

  close(peer: Peer, _reason: string): void {
    const known = this.peers.get(peer.id)
    if (known !== undefined) this.drop(known)
  }

  /** Once more where a server does not answer; what it answers stands. */
  private async shakeHands(address: string, port: number): Promise<DtlsClientSocket> {
    const { identity, key, port: localPort, handshakeTimeout = 8000, attempts = 3 } = this.options
    for (let attempt = 1; ; attempt++) {
      // Two sockets of this transport never bind the same local port.
      await Promise.all(this.closing)
      try {
        return await DtlsClientSocket.connect({
          address,
          port,
          localPort,
          identity,
          key,
          timeout: handshakeTimeout,
        })
      } catch (error) {
        const again = error instanceof CodedError && error.code === 'handshake-timeout'
        if (!again || attempt >= attempts || !this.running) throw error
      }
    }
  }

  private drop(peer: DtlsServerPeer): void {
    this.peers.delete(peer.id)
    const closed = peer.socket.close().finally(() => this.closing.delete(closed))
    this.closing.add(closed)
  }

  private lost(peer: DtlsServerPeer, reason: string): void {
    if (this.peers.delete(peer.id)) this.onPeerGone(peer, reason)
  }
}

/** @throws CodedError `unresolvable` */
async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host
  try {
    return (await lookup(host)).address
  } catch (error) {
    throw new CodedError('unresolvable', `${host} cannot be resolved`, { cause: error })
  }
}
