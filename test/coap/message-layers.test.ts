import assert from 'node:assert/strict'
import {
  CoapEndpoint,
  Code,
  type CoapEndpointOptions,
  type CoapReply,
  type CoapRequest,
  type CoapResponse,
  type ObservationHandle,
} from '../../src/coap'
import type { MessageLayer, MessageLayerParts } from '../../src/coap/message-layer'
import { option } from '../../src/coap/options'
import { UdpMessages } from '../../src/coap/udp/udp-messages'
import type { Peer } from '../../src/transport/transport'
import { FakeClock } from '../support/fake-clock'
import { Bench, rejection, settle } from './support/bench'
import { LossyLink } from './support/lossy-link'
import { memoryPeer } from './support/memory-transport'
import { ProtectingMessages } from './support/protecting-messages'
import { ReliableMessages } from './support/reliable-messages'

const LAYERS: [string, (parts: MessageLayerParts) => MessageLayer][] = [
  ['UDP messages', (parts) => new UdpMessages(parts)],
  ['a reliable message layer', (parts) => new ReliableMessages(parts)],
  [
    'protected messages over UDP',
    (parts) => new ProtectingMessages(parts, (inner) => new UdpMessages(inner)),
  ],
  [
    'protected messages over a reliable message layer',
    (parts) => new ProtectingMessages(parts, (inner) => new ReliableMessages(inner)),
  ],
]

const bodyOf = (length: number, seed = 0): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + seed) & 255))

for (const [name, makeLayer] of LAYERS) {
  describe(`CoAP exchanges over ${name}`, () => {
    let clock: FakeClock
    let link: LossyLink
    let server: CoapEndpoint
    let device: CoapEndpoint
    let stops: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const stop of stops) await stop()
      stops = []
    })

    const open = async (options: CoapEndpointOptions = {}): Promise<void> => {
      clock = new FakeClock()
      link = new LossyLink(clock, { seed: 1, drop: 0 })
      server = new CoapEndpoint(link.left, { clock, ...options }, makeLayer)
      device = new CoapEndpoint(link.right, { clock, ...options }, makeLayer)
      for (const endpoint of [server, device]) {
        await endpoint.start()
        stops.push(() => endpoint.stop())
      }
    }

    /** Moves time until a promise has settled. */
    const until = async <T>(promise: Promise<T>): Promise<T> => {
      let done = false
      promise.then(
        () => (done = true),
        () => (done = true),
      )
      for (let i = 0; i < 20_000 && !done; i++) {
        clock.advance(10)
        await settle()
      }
      assert.ok(done, 'it does not settle')
      return promise
    }

    const get = (path: string): Promise<CoapResponse> =>
      server.request(link.left.peer, { code: Code.GET, path: [path] })

    /** Observes /o; what is delivered is in `values`. */
    const observed = async () => {
      const handles: ObservationHandle[] = []
      const ends: string[] = []
      device.onRequest = (request) => {
        if (request.observe === 0) {
          const handle = request.acceptObservation()
          handle.onEnd = (reason) => ends.push(reason)
          handles.push(handle)
        }
        request.cancelObservation()
        return { code: Code.CONTENT, payload: Buffer.from('first') }
      }
      const values: string[] = []
      const relation = await until(
        server.observe(
          link.left.peer,
          { code: Code.GET, path: ['o'] },
          {
            onNotification: ({ payload }) => values.push(payload.toString()),
            onEnd: (reason) => ends.push(`relation ${reason}`),
          },
        ),
      )
      const handle = handles[0]
      assert.ok(handle !== undefined)
      return { handle, values, relation, ends }
    }

    it('carries requests and responses with all options', async () => {
      await open()
      const requests: CoapRequest[] = []
      device.onRequest = (request) => {
        requests.push(request)
        return {
          code: Code.CREATED,
          locationPath: ['rd', '1'],
          etag: Buffer.from('e'),
          maxAge: 7,
          contentFormat: 42,
          payload: Buffer.from('made'),
        }
      }
      const response = await until(
        server.request(link.left.peer, {
          code: Code.POST,
          path: ['rd'],
          query: ['ep=a'],
          contentFormat: 40,
          accept: 60,
          payload: Buffer.from('x'),
        }),
      )
      const [request] = requests
      assert.deepEqual(
        [request?.path, request?.query, request?.contentFormat, request?.accept],
        [['rd'], ['ep=a'], 40, 60],
      )
      assert.equal(request?.payload.toString(), 'x')
      assert.deepEqual(
        [response.code, response.locationPath, response.maxAge, response.contentFormat],
        [Code.CREATED, ['rd', '1'], 7, 42],
      )
      assert.equal(response.payload.toString(), 'made')
      assert.equal(Buffer.from(response.etag ?? []).toString(), 'e')
    })

    it('matches each of several responses with its request, in any order', async () => {
      await open({ nstart: 4 })
      device.onRequest = ({ path }) =>
        new Promise<CoapReply>((resolve) =>
          clock.setTimeout(
            () => resolve({ code: Code.CONTENT, payload: Buffer.from(path[0] ?? '') }),
            1000 - 200 * Number(path[0]),
          ),
        )
      const answers = await until(Promise.all(['1', '2', '3', '4'].map(get)))
      assert.deepEqual(
        answers.map(({ payload }) => payload.toString()),
        ['1', '2', '3', '4'],
      )
    })

    it('answers 5.00 for a handler that fails and 4.02 for a critical option', async () => {
      await open()
      device.onRequest = () => Promise.reject(new Error('secret'))
      const failed = await until(get('x'))
      assert.deepEqual([failed.code, failed.payload.length], [Code.INTERNAL_SERVER_ERROR, 0])
      const refused = await until(
        server.request(link.left.peer, {
          code: Code.GET,
          options: [option(65001, Buffer.from('x'))],
        }),
      )
      assert.equal(refused.code, Code.BAD_OPTION)
    })

    it('carries bodies in blocks in both directions', async () => {
      await open({ blockSize: 64 })
      const body = bodyOf(5000)
      device.onRequest = ({ payload }) => ({
        code: Code.CHANGED,
        payload: Buffer.from(payload).reverse(),
      })
      const progress: number[] = []
      const answer = await until(
        server.request(link.left.peer, {
          code: Code.PUT,
          path: ['5'],
          payload: body,
          onProgress: (sent) => progress.push(sent),
        }),
      )
      assert.deepEqual(answer.payload, Buffer.from(body).reverse())
      assert.equal(progress.length, Math.ceil(5000 / 64))
    })

    it('delivers notifications in order, small and large, and ends with a cancellation', async () => {
      await open({ blockSize: 64 })
      const { handle, values, relation, ends } = await observed()
      assert.equal(relation.first?.payload.toString(), 'first')
      await until(handle.notify({ code: Code.CONTENT, payload: Buffer.from('a') }))
      await until(
        handle.notify({ code: Code.CONTENT, payload: Buffer.from('b') }, { confirmable: true }),
      )
      const large = 'c'.repeat(300)
      await until(handle.notify({ code: Code.CONTENT, payload: Buffer.from(large) }))
      for (let i = 0; i < 50 && values.length < 3; i++) {
        clock.advance(10)
        await settle()
      }
      assert.deepEqual(values, ['a', 'b', large])
      const last = await until(relation.cancel())
      assert.equal(last.payload.toString(), 'first')
      assert.deepEqual([handle.ended, ends], [true, ['cancelled']])
    })

    it('ends an observation with an error response', async () => {
      await open()
      const { handle, ends } = await observed()
      await until(handle.notify({ code: Code.NOT_FOUND }, { confirmable: true }))
      clock.advance(100)
      assert.deepEqual([handle.ended, ends], [true, ['relation error']])
    })

    it('distinguishes a request without response from one that cannot be delivered', async () => {
      await open({ responseTimeout: 5000 })
      device.onRequest = () => new Promise<CoapReply>(() => {})
      assert.equal((await rejection(until(get('x')))).code, 'response-timeout')
      link.left.onPeerGone(link.left.peer, 'closed')
      const pending = get('x')
      link.left.onPeerGone(link.left.peer, 'closed')
      assert.equal((await rejection(pending)).code, 'peer-gone')
    })

    it('ends everything when the peer is gone and when the endpoint stops', async () => {
      await open()
      const { relation, ends } = await observed()
      device.onRequest = () => new Promise<CoapReply>(() => {})
      const pending = get('x')
      link.left.onPeerGone(link.left.peer, 'closed')
      assert.equal((await rejection(pending)).code, 'peer-gone')
      assert.deepEqual([relation.active, ends], [false, ['relation gone']])
      const stopped = get('y')
      await server.stop()
      assert.equal((await rejection(stopped)).code, 'cancelled')
    })

    it('can be aborted by a signal', async () => {
      await open()
      device.onRequest = () => new Promise<CoapReply>(() => {})
      const abort = new AbortController()
      const pending = server.request(link.left.peer, { code: Code.GET, signal: abort.signal })
      clock.advance(100)
      abort.abort()
      assert.equal((await rejection(pending)).code, 'cancelled')
    })

    it('moves pending exchanges with the peer', async () => {
      await open()
      const { handle, values, relation } = await observed()
      let answer: (reply: CoapReply) => void = () => {}
      device.onRequest = () => new Promise<CoapReply>((resolve) => (answer = resolve))
      const pending = get('x')
      clock.advance(1000)
      await settle()
      const moved = memoryPeer('moved')
      server.migrate(link.left.peer, moved)
      link.leftPeer = moved
      answer({ code: Code.CONTENT, payload: Buffer.from('after') })
      assert.equal((await until(pending)).payload.toString(), 'after')
      assert.equal(relation.peer.id, 'moved')
      await until(handle.notify({ code: Code.CONTENT, payload: Buffer.from('here') }))
      clock.advance(100)
      assert.deepEqual(values, ['here'])
    })

    it('pings', async () => {
      await open()
      await until(server.ping(link.left.peer))
    })
  })
}

describe('peers identified by a key instead of an address', () => {
  const secured = (id: string): Peer => ({ ...memoryPeer(`key:${id}`), secure: true })

  it('recognizes a peer at any address, and sends to the last one', async () => {
    const clock = new FakeClock()
    const link = new LossyLink(clock, { seed: 1, drop: 0 })
    const protect =
      (ownId: string, peerOf?: (id: string) => Peer) =>
      (parts: MessageLayerParts): MessageLayer =>
        new ProtectingMessages(parts, (inner) => new UdpMessages(inner), ownId, peerOf)
    const server = new CoapEndpoint(link.left, { clock }, protect('server', secured))
    const device = new CoapEndpoint(link.right, { clock }, protect('device'))
    await server.start()
    await device.start()
    const seen: string[] = []
    server.onRequest = ({ peer }) => {
      seen.push(peer.id)
      return { code: Code.CHANGED }
    }
    const handles: ObservationHandle[] = []
    device.onRequest = (request) => {
      if (request.observe === 0) handles.push(request.acceptObservation())
      return { code: Code.CONTENT, payload: Buffer.from('read') }
    }
    const update = async (): Promise<number> => {
      const response = device.request(link.right.peer, { code: Code.POST, path: ['rd', '1'] })
      clock.advance(20)
      return (await response).code
    }
    assert.equal(await update(), Code.CHANGED)
    link.leftPeer = memoryPeer('elsewhere')
    assert.equal(await update(), Code.CHANGED)
    assert.deepEqual(seen, ['key:device', 'key:device'])

    const [peer, values] = [secured('device'), [] as string[]]
    const read = server.request(peer, { code: Code.GET, path: ['3'] })
    clock.advance(20)
    assert.equal((await read).payload.toString(), 'read')
    const observing = server.observe(
      peer,
      { code: Code.GET, path: ['3'] },
      { onNotification: ({ payload }) => values.push(payload.toString()) },
    )
    clock.advance(20)
    await observing
    const notified = handles[0]?.notify(
      { code: Code.CONTENT, payload: Buffer.from('news') },
      { confirmable: true },
    )
    clock.advance(20)
    await notified
    assert.deepEqual(values, ['news'])
    await Promise.all([server.stop(), device.stop()])
  })

  it('does not send the responses to protected requests unprotected', async () => {
    const bench = await Bench.start()
    bench.deliver({ type: 0, code: Code.POST, mid: 1, token: 'aa', options: [[9, 'x']] })
    assert.equal(bench.sent().code, Code.BAD_OPTION)
    const response = bench.endpoint.request(bench.peer, { code: Code.GET })
    const { mid, token } = bench.sent()
    bench.deliver({ type: 2, code: Code.CONTENT, mid, token, options: [[9, 'x']] })
    assert.equal((await rejection(response)).code, 'malformed')
  })
})
