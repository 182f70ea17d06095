import { CodedError } from '../../../src/base/coded-error'
import type { BoundAddress, Peer, Transport } from '../../../src/transport/transport'
import type { FakeClock } from '../../support/fake-clock'
import { seededRandom } from '../../support/random'
import { memoryPeer } from './memory-transport'

/** Disturbances of the network; probabilities from 0 to 1. */
export interface LinkOptions {
  readonly seed: number
  readonly drop: number
  readonly duplicate?: number
  /** Minimum and maximum delay of a datagram in milliseconds. */
  readonly delay?: readonly [number, number]
}

/** One end of a {@link LossyLink}. */
class LinkEnd implements Transport {
  readonly scheme = 'coap'
  readonly maxDatagram = 65_507
  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}
  /** The peer at the other end. */
  peer: Peer

  constructor(
    name: string,
    private readonly pass: (datagram: Buffer) => void,
  ) {
    this.peer = memoryPeer(name)
  }

  start(): Promise<BoundAddress> {
    return Promise.resolve({ address: 'memory', port: 5683 })
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  send(_peer: Peer, datagram: Uint8Array): void {
    this.pass(Buffer.from(datagram))
  }

  connect(host: string, port: number): Promise<Peer> {
    return Promise.reject(new CodedError('unsupported', `no way to ${host}:${port}`))
  }

  pin(): void {}

  close(): void {}
}

/**
 * Two transports joined by a network that loses, duplicates and delays by a seed and an injected
 * clock.
 */
export class LossyLink {
  readonly left: LinkEnd
  readonly right: LinkEnd
  dropped = 0

  /** From now on datagrams to the left end come from here. */
  set leftPeer(peer: Peer) {
    this.left.peer = peer
  }

  private readonly random: () => number

  constructor(
    private readonly clock: FakeClock,
    private readonly options: LinkOptions,
  ) {
    this.random = seededRandom(options.seed)
    this.left = new LinkEnd('right', (datagram) => this.pass(this.right, datagram))
    this.right = new LinkEnd('left', (datagram) => this.pass(this.left, datagram))
  }

  private pass(to: LinkEnd, datagram: Buffer): void {
    const { drop, duplicate = 0, delay = [5, 5] } = this.options
    const copies = this.random() < duplicate ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.random() < drop) {
        this.dropped++
        continue
      }
      const ms = delay[0] + this.random() * (delay[1] - delay[0])
      this.clock.setTimeout(() => to.onMessage(to.peer, Buffer.from(datagram)), ms)
    }
  }
}
