import {
  type BoundAddress,
  type Peer,
  PeerGone,
  type PeerIdentity,
  type Transport,
} from '../../../../src/transport/transport'
import { rawCoap, type RawMessage, readCoap, type ReadMessage } from '../../../support/raw-coap'

/** A security association without the cryptography: what a test says its identity is. */
export class Association implements Peer {
  readonly secure = true
  readonly received: ReadMessage[] = []
  ended = false
  private mid = 0
  private wake: (() => void) | undefined

  constructor(
    readonly id: string,
    readonly identity: PeerIdentity,
    public address: string,
    public port: number,
    private readonly transport: SecureTransport,
  ) {}

  /** The device sends. */
  send(message: Omit<RawMessage, 'mid'> & Partial<RawMessage>): void {
    this.transport.onMessage(this, rawCoap({ mid: ++this.mid, ...message }))
  }

  /** The next message to the device. */
  async message(): Promise<ReadMessage> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    return this.received.shift() as ReadMessage
  }

  /** Sends a request and returns the answer. */
  request(message: Omit<RawMessage, 'mid'> & Partial<RawMessage>): Promise<ReadMessage> {
    this.send(message)
    return this.message()
  }

  deliver(datagram: Uint8Array): void {
    this.received.push(readCoap(Buffer.from(datagram)))
    this.wake?.()
  }
}

/** A secure transport in memory; associations come and go as a test says. */
export class SecureTransport implements Transport {
  readonly scheme = 'coaps'
  readonly maxDatagram = 16_384
  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}
  readonly pinned = new Set<string>()
  private next = 1

  start(): Promise<BoundAddress> {
    return Promise.resolve({ address: '127.0.0.1', port: 5684 })
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  send(peer: Peer, datagram: Uint8Array): void {
    if (!(peer instanceof Association) || peer.ended) throw new PeerGone(peer)
    peer.deliver(datagram)
  }

  connect(): Promise<Peer> {
    return Promise.reject(new Error('a device comes first'))
  }

  pin(peer: Peer, pinned: boolean): void {
    if (pinned) this.pinned.add(peer.id)
    else this.pinned.delete(peer.id)
  }

  close(peer: Peer, reason: string): void {
    if (!(peer instanceof Association) || peer.ended) return
    peer.ended = true
    this.onPeerGone(peer, reason)
  }

  /** A handshake succeeded. */
  accept(identity: PeerIdentity, port = 40_000 + this.next): Association {
    return new Association(`dtls:${this.next++}`, identity, '192.0.2.1', port, this)
  }

  psk(identity: string): Association {
    return this.accept({ kind: 'psk', identity: Buffer.from(identity) })
  }

  x509(commonName: string): Association {
    return this.accept({
      kind: 'x509',
      subject: `CN=${commonName}`,
      commonName,
      names: [commonName],
      certificate: Buffer.from(commonName),
    })
  }
}
