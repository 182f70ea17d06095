import type { BoundAddress, Peer, Transport } from '../../transport/transport'

/**
 * A transport whose radio can be switched off: datagrams received meanwhile are dropped, as on a
 * sleeping device. Sending always works; the sender switches the radio on first.
 */
export class SleepingTransport implements Transport {
  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}
  listening = true

  constructor(private readonly inner: Transport) {
    inner.onMessage = (peer, datagram) => {
      if (this.listening) this.onMessage(peer, datagram)
    }
    inner.onPeerGone = (peer, reason) => this.onPeerGone(peer, reason)
    inner.onWarning = (message, peer) => this.onWarning(message, peer)
  }

  get scheme(): 'coap' | 'coaps' {
    return this.inner.scheme
  }

  get maxDatagram(): number {
    return this.inner.maxDatagram
  }

  start(): Promise<BoundAddress> {
    return this.inner.start()
  }

  stop(): Promise<void> {
    return this.inner.stop()
  }

  send(peer: Peer, datagram: Uint8Array): void {
    this.inner.send(peer, datagram)
  }

  connect(host: string, port: number): Promise<Peer> {
    return this.inner.connect(host, port)
  }

  pin(peer: Peer, pinned: boolean): void {
    this.inner.pin(peer, pinned)
  }

  close(peer: Peer, reason: string): void {
    this.inner.close(peer, reason)
  }
}
