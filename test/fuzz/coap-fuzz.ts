/**
 * Fuzzes the CoAP codec, and a live endpoint in both roles, with random and nearly valid datagrams
 *. Throws at the first finding.
 */
import assert from 'node:assert/strict'
import { CoapEndpoint, Code, type CoapReply, type ObservationHandle } from '../../src/coap'
import { CoapFormatError } from '../../src/coap/errors'
import { parse } from 'coap-packet'
import type { BodyBudget } from '../../src/coap/blockwise/body-budget'
import type { Observations } from '../../src/coap/observe/observations'
import type { Relations } from '../../src/coap/observe/relations'
import type { PeerTable } from '../../src/coap/peers'
import { decodeMessage, encodeMessage, type UdpMessage } from '../../src/coap/udp/codec'
import type { UdpMessages } from '../../src/coap/udp/udp-messages'
import type { Scheduler } from '../../src/base/scheduler'
import type { Peer } from '../../src/transport/transport'
import { MemoryTransport, memoryPeer } from '../coap/support/memory-transport'
import { FakeClock } from '../support/fake-clock'
import { seededRandom } from '../support/random'

const UNREGISTERED = 50
const PEERS = 100
/** What every third peer takes at most. */
const SMALL_DATAGRAM = 128
const MOST_BODIES = 1 << 18

/** Options that make the endpoint do something, and some that it does not know. */
const OPTIONS = [
  1, 3, 4, 5, 6, 6, 7, 8, 11, 11, 12, 14, 15, 17, 23, 23, 27, 27, 28, 35, 60, 258, 292, 2049,
  65_000,
]
const CODES = [
  0, 1, 1, 2, 3, 4, 5, 7, 8, 0x20, 0x41, 0x44, 0x45, 0x45, 0x5f, 0x80, 0x84, 0x8d, 0xa0, 0xe1,
]

class Source {
  readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  /** A message that is valid but for what a coin says. `known` are tokens and numbers in use. */
  message(known: readonly { readonly mid: number; readonly token: Buffer }[]): Buffer {
    const used = known.length > 0 && this.random() < 0.7 ? this.pick(known) : undefined
    const options = Array.from({ length: this.below(5) }, () => {
      const number = this.pick(OPTIONS)
      const block = number === 23 || number === 27
      // Small block numbers and sizes meet the transfers that are under way.
      const value = block
        ? Buffer.from([(this.below(4) << 4) | (this.below(2) << 3) | this.below(8)])
        : this.random() < 0.5
          ? Buffer.from(this.pick(['', 'a', 'rd', '\u0001']))
          : this.bytes(this.below(this.random() < 0.05 ? 300 : 6))
      return { number, value }
    })
    const size = this.pick([0, 0, 1, 16, 16, 32, 64, 100, 1024])
    const type = this.below(4)
    const code = this.random() < 0.9 ? this.pick(CODES) : this.below(256)
    const mid = used !== undefined && this.random() < 0.7 ? used.mid : this.below(0x10000)
    return encodeMessage(type, mid, {
      code,
      token: (used?.token ?? this.bytes(this.below(9))).toString('latin1'),
      options,
      payload: Buffer.alloc(size, this.below(256)),
    })
  }

  mutate(datagram: Buffer): Buffer {
    const bytes = Buffer.from(datagram)
    if (this.random() < 0.2) return bytes.subarray(0, this.below(bytes.length + 1))
    for (let count = this.below(4); count > 0 && bytes.length > 0; count--) {
      bytes[this.below(bytes.length)] = this.below(256)
    }
    return bytes
  }

  datagram(known: readonly { readonly mid: number; readonly token: Buffer }[]): Buffer {
    const coin = this.random()
    if (coin < 0.1) return this.bytes(this.below(64))
    const message = this.message(known)
    return coin < 0.4 ? this.mutate(message) : message
  }
}

function checkCodec(datagram: Buffer): void {
  let message
  try {
    message = decodeMessage(datagram)
  } catch (error) {
    assert.ok(error instanceof CoapFormatError, `decode threw ${String(error)}`)
    return
  }
  if (message.code === 0) return
  comparePacket(message, datagram)
  const again = decodeMessage(encodeMessage(message.type, message.messageId, message))
  assert.deepEqual(said(again), said(message))
}

/** All that a message says, without where in the datagram it says so. */
function said(message: UdpMessage): object {
  const { type, messageId, code, token, options, payload } = message
  const { path, query, locationPath, contentFormat, accept, observe, maxAge, etag } = message
  const { block1, block2, size1, size2, proxy, badCritical } = message
  return {
    ...{ type, messageId, code, token, options, payload },
    ...{ path, query, locationPath, contentFormat, accept, observe, maxAge, etag },
    ...{ block1, block2, size1, size2, proxy, badCritical },
  }
}

/** What another decoder reads in the same bytes. */
function comparePacket(message: UdpMessage, datagram: Buffer): void {
  const packet = parse(datagram)
  assert.deepEqual(
    [packet.messageId, packet.token.toString('latin1'), packet.payload],
    [message.messageId, message.token, message.payload],
  )
  assert.deepEqual(
    packet.options.map(({ value }) => value),
    message.options.map(({ value }) => value),
  )
  const byName = (name: string): string[] =>
    packet.options.filter((one) => one.name === name).map(({ value }) => value.toString('utf8'))
  if (message.badCritical === 0) {
    assert.deepEqual(message.path, byName('Uri-Path'))
    assert.deepEqual(message.query, byName('Uri-Query'))
  }
}

/** The endpoint under fire: answers, observes, asks and is asked. */
class Target {
  readonly transport = new MemoryTransport()
  readonly clock = new FakeClock()
  readonly endpoint: CoapEndpoint
  readonly defects: string[] = []
  /** What is in use on the wire towards each peer: what an attacker on the path would know. */
  readonly known = new Map<string, { mid: number; token: Buffer }[]>()
  private readonly handles: ObservationHandle[] = []

  constructor(private readonly source: Source) {
    this.endpoint = new CoapEndpoint(this.transport, {
      clock: this.clock,
      maxUnregisteredPeers: UNREGISTERED,
      maxBody: 4096,
      maxBodies: MOST_BODIES,
      maxQueuedPerPeer: 3,
      nstart: 3,
    })
    this.endpoint.onWarning = ({ code, message }) => {
      if (code === 'internal' || code === 'listener-failed') this.defects.push(message)
    }
    this.endpoint.onRequest = (request) => {
      if (request.peer.id === 'legitimate') return { code: Code.CONTENT, payload: request.payload }
      if (request.observe === 0 && source.random() < 0.7) {
        this.handles.push(request.acceptObservation())
        if (this.handles.length > 100) this.handles.shift()?.end()
      }
      request.cancelObservation()
      const reply: CoapReply = {
        code: source.pick([Code.CONTENT, Code.CHANGED, Code.NOT_FOUND]),
        payload: Buffer.alloc(source.pick([0, 10, 100, 3000])),
      }
      if (source.random() < 0.7) return reply
      if (source.random() < 0.3) return Promise.reject(new Error('handler'))
      return new Promise((resolve) =>
        this.clock.setTimeout(() => resolve(reply), source.below(900)),
      )
    }
    for (let i = 0; i < PEERS; i += 3) this.transport.limits.set(`peer-${i}`, SMALL_DATAGRAM)
    const send = this.transport.send.bind(this.transport)
    this.transport.send = (peer, datagram) => {
      try {
        send(peer, datagram)
      } catch (error) {
        // Nobody is gone here, so it was too large.
        this.defects.push(String(error))
        throw error
      }
    }
    this.transport.onSend = ({ peer, datagram }) => {
      if ((datagram[0] ?? 0) >> 4 === 6) return
      const list = this.known.get(peer.id) ?? []
      if (list.length === 0) this.known.set(peer.id, list)
      const length = (datagram[0] ?? 0) & 15
      list.push({ mid: datagram.readUInt16BE(2), token: datagram.subarray(4, 4 + length) })
      if (list.length > 6) list.shift()
    }
  }

  /** Makes the endpoint do something of its own towards a peer. */
  act(peer: Peer): void {
    const { source, endpoint } = this
    const ignore = (): void => {}
    const init = {
      code: source.pick([Code.GET, Code.FETCH, Code.PUT]),
      path: ['3', '0'],
      payload: Buffer.alloc(source.pick([0, 20, 200])),
      blockSize: source.pick([16, 64, 1024]),
    }
    switch (source.below(7)) {
      case 0:
      case 1:
        endpoint.request(peer, init).catch(ignore)
        break
      case 2:
        endpoint.observe(peer, init, { onNotification: ignore }).then((relation) => {
          if (source.random() < 0.5) relation.cancel().catch(ignore)
        }, ignore)
        break
      case 3:
        endpoint.ping(peer).catch(ignore)
        break
      case 4:
        this.migrate(peer, memoryPeer(`peer-${source.below(PEERS)}`))
        break
      case 5:
        if (source.random() < 0.2) endpoint.abort(peer, 'fuzz')
        break
      case 6:
        void (
          this.handles.length > 0 &&
          source
            .pick(this.handles)
            .notify(
              { code: Code.CONTENT, payload: Buffer.alloc(source.pick([1, 2000])) },
              { confirmable: source.random() < 0.5 },
            )
        )
        break
    }
  }

  /** What is in flight may be too large for where less fits: then it fails, and no wonder. */
  private migrate(from: Peer, to: Peer): void {
    const { limits } = this.transport
    if (limits.get(from.id) === limits.get(to.id)) this.endpoint.migrate(from, to)
  }
}

/** The client that must be served whatever the others do. */
async function checkService(target: Target, round: number): Promise<void> {
  const peer = memoryPeer('legitimate')
  target.transport.take()
  const body = Buffer.from(`round ${round}`)
  target.transport.deliver(
    peer,
    encodeMessage(0, round & 0xffff, {
      code: Code.POST,
      token: '\x01',
      options: [],
      payload: body,
    }),
  )
  const answers = target.transport.sent.filter(({ peer: to }) => to.id === peer.id)
  assert.equal(answers.length, 1, 'the legitimate client got no answer')
  const answer = decodeMessage(answers[0]?.datagram ?? Buffer.alloc(0))
  assert.deepEqual([answer.code, answer.payload], [Code.CONTENT, body])
  await new Promise((resolve) => setImmediate(resolve))
}

async function fuzzEndpoint(iterations: number, source: Source): Promise<void> {
  const target = new Target(source)
  const rejections: unknown[] = []
  const onRejection = (error: unknown): void => void rejections.push(error)
  process.on('unhandledRejection', onRejection)
  try {
    await target.endpoint.start()
    for (let i = 0; i < iterations; i++) {
      const peer = memoryPeer(`peer-${source.below(PEERS)}`)
      target.transport.deliver(peer, source.datagram(target.known.get(peer.id) ?? []))
      if (i % 7 === 0) target.act(peer)
      if (i % 20 === 0) target.clock.advance(source.below(400))
      if (i % 500 === 0) {
        await checkService(target, i / 500)
        const { incoming, outgoing, layer } = insidesOf(target.endpoint)
        assert.ok(incoming.used <= MOST_BODIES && outgoing.used <= MOST_BODIES)
        assert.ok(layer.remembered <= 16 * 200)
      }
      assert.deepEqual(target.defects, [])
    }
    await checkEnd(target)
    assert.deepEqual(rejections, [])
  } finally {
    process.off('unhandledRejection', onRejection)
    await target.endpoint.stop()
  }
}

/** What an endpoint keeps. */
interface Insides {
  readonly peers: PeerTable
  readonly scheduler: Scheduler
  readonly layer: UdpMessages
  readonly relations: Relations
  readonly observations: Observations
  readonly incoming: BodyBudget
  readonly outgoing: BodyBudget
}

function insidesOf(endpoint: CoapEndpoint): Insides {
  const { peers, scheduler, layer, relations, requester, responder } = endpoint as unknown as Omit<
    Insides,
    'incoming' | 'outgoing' | 'observations'
  > & {
    readonly requester: { readonly bodies: BodyBudget }
    readonly responder: {
      readonly observations: Observations
      readonly blocks: { readonly downloads: { readonly budget: BodyBudget } }
    }
  }
  const { observations, blocks } = responder
  const incoming = requester.bodies
  const outgoing = blocks.downloads.budget
  return { peers, scheduler, layer, relations, observations, incoming, outgoing }
}

/** When all is over, nothing is left. */
async function checkEnd(target: Target): Promise<void> {
  const insides = insidesOf(target.endpoint)
  const { peers, layer, relations, observations, incoming, outgoing, scheduler } = insides
  for (const state of [...peers.all()]) target.endpoint.abort(state.peer, 'the end')
  for (let i = 0; i < 100; i++) await target.clock.run(10_000)
  for (const state of [...peers.all()]) {
    for (const handle of [...observations.of(state)]) handle.end()
    for (const relation of [...relations.of(state)]) relation.forget()
  }
  for (let i = 0; i < 60; i++) await target.clock.run(10_000)
  assert.deepEqual(
    {
      peers: peers.size,
      remembered: layer.remembered,
      tokens: relations.size,
      incoming: incoming.used,
      outgoing: outgoing.used,
      timers: scheduler.pending,
    },
    { peers: 0, remembered: 0, tokens: 0, incoming: 0, outgoing: 0, timers: 0 },
  )
}

/**
 * @param iterations datagrams for the codec, and as many for the endpoint
 * @param seed the same seed makes the same run
 * @throws AssertionError at the first finding, with the seed in its message
 */
export async function fuzzCoap(iterations: number, seed: number): Promise<void> {
  try {
    const source = new Source(seed)
    for (let i = 0; i < iterations; i++) checkCodec(source.datagram([]))
    await fuzzEndpoint(iterations, new Source(seed + 1))
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`
    throw error
  }
}
