import assert from 'node:assert/strict'
import { CoapEndpoint, type CoapWarning } from '../../../src/coap'
import type { CoapEndpointOptions, CoapTrace } from '../../../src/coap'
import type { Peer } from '../../../src/transport/transport'
import { FakeClock } from '../../support/fake-clock'
import { rawCoap, readCoap, type RawMessage, type ReadMessage } from '../../support/raw-coap'
import { MemoryTransport, memoryPeer } from './memory-transport'

/** An endpoint on a memory transport and a manual clock: the test controls every message. */
export class Bench {
  readonly clock = new FakeClock()
  readonly transport = new MemoryTransport()
  readonly endpoint: CoapEndpoint
  readonly warnings: CoapWarning[] = []
  readonly traces: CoapTrace[] = []
  readonly active: string[] = []
  readonly peer = memoryPeer('a')

  private constructor(options: CoapEndpointOptions) {
    this.endpoint = new CoapEndpoint(this.transport, {
      ackRandomFactor: 1,
      ...options,
      clock: this.clock,
    })
    this.endpoint.onWarning = (warning) => this.warnings.push(warning)
    this.endpoint.onActivity = (peer) => this.active.push(peer.id)
  }

  static async start(options: CoapEndpointOptions = {}): Promise<Bench> {
    const bench = new Bench(options)
    await bench.endpoint.start()
    return bench
  }

  deliver(message: RawMessage | Buffer, peer: Peer = this.peer): void {
    this.transport.deliver(peer, Buffer.isBuffer(message) ? message : rawCoap(message))
  }

  /** The only message sent since the last call. */
  sent(): ReadMessage {
    return readCoap(this.transport.takeOne())
  }

  /** All messages sent since the last call. */
  allSent(): ReadMessage[] {
    return this.transport.take().map(readCoap)
  }

  nothingSent(): void {
    assert.deepEqual(
      this.transport.take().map((datagram) => datagram.toString('hex')),
      [],
    )
  }

  /** Delivers a message and expects exactly these bytes in response (hex, spaces are ignored). */
  expectReply(message: RawMessage | Buffer, reply: string, peer: Peer = this.peer): void {
    this.deliver(message, peer)
    assert.equal(this.transport.takeOne().toString('hex'), reply.replaceAll(' ', ''))
  }
}

/** Lets promises that are already settled call back. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof Error)
    return error
  }
  throw new assert.AssertionError({ message: 'it was not rejected' })
}
