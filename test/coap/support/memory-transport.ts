import { CodedError } from '../../../src/base/coded-error'
import {
  NO_IDENTITY,
  PeerGone,
  type BoundAddress,
  type Peer,
  type Transport,
} from '../../../src/transport/transport'

/** One datagram that the endpoint sent. */
export interface Sent {
  readonly peer: Peer
  readonly datagram: Buffer
}

/** A transport without a network: tests deliver datagrams and check what is sent, byte by byte. */
export class MemoryTransport implements Transport {
  readonly scheme = 'coap'
  readonly maxDatagram = 65_507
  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}

  readonly sent: Sent[] = []
  readonly pinned = new Set<string>()
  /** Peers with a smaller maximum datagram, by id. */
  readonly limits = new Map<string, number>()
  /** Called for each datagram when it is sent, before `send` returns. */
  onSend: ((sent: Sent) => void) | undefined = undefined
  private readonly gone = new Set<string>()

  maxDatagramFor(peer: Peer): number {
    return this.limits.get(peer.id) ?? this.maxDatagram
  }

  start(): Promise<BoundAddress> {
    return Promise.resolve({ address: 'memory', port: 5683 })
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  send(peer: Peer, datagram: Uint8Array): void {
    if (this.gone.has(peer.id)) throw new PeerGone(peer)
    if (datagram.length > this.maxDatagramFor(peer)) {
      throw new CodedError('datagram-too-large', `${datagram.length} bytes`)
    }
    const sent = { peer, datagram: Buffer.from(datagram) }
    this.sent.push(sent)
    this.onSend?.(sent)
  }

  connect(host: string, port: number): Promise<Peer> {
    return Promise.resolve(memoryPeer(`${host}:${port}`, port))
  }

  pin(peer: Peer, pinned: boolean): void {
    if (pinned) this.pinned.add(peer.id)
    else this.pinned.delete(peer.id)
  }

  close(peer: Peer): void {
    this.gone.add(peer.id)
  }

  /** A datagram arrives. */
  deliver(peer: Peer, datagram: Uint8Array): void {
    this.onMessage(peer, Buffer.from(datagram))
  }

  /** The association of a peer ended. */
  lose(peer: Peer, reason: string): void {
    this.gone.add(peer.id)
    this.onPeerGone(peer, reason)
  }

  /** What was sent since the last call. */
  take(): Buffer[] {
    return this.sent.splice(0).map(({ datagram }) => datagram)
  }

  /** The only datagram that was sent since the last call. */
  takeOne(): Buffer {
    const taken = this.take()
    if (taken.length !== 1) {
      throw new Error(
        `one datagram expected, not ${taken.length}: ${taken.map((d) => d.toString('hex')).join(' ')}`,
      )
    }
    return taken[0] as Buffer
  }
}

export function memoryPeer(id: string, port = 5683): Peer {
  return { id, identity: NO_IDENTITY, address: '192.0.2.1', port, secure: false }
}
