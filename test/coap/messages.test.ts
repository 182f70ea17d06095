import assert from 'node:assert/strict'
import { Code, type CoapReply, type CoapRequest } from '../../src/coap'
import { Bench, settle } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { ACK, CON, NON, Opt, RST, rawCoap, type RawMessage } from '../support/raw-coap'

/** POST /rd with a token. */
const post = (mid: number, extra: Partial<RawMessage> = {}): RawMessage => ({
  type: CON,
  code: 2,
  mid,
  token: 'aabb',
  options: [[Opt.URI_PATH, 'rd']],
  ...extra,
})

describe('CoAP messages: server role', () => {
  it('answers 4.04 piggybacked without a request handler', async () => {
    const bench = await Bench.start()
    bench.expectReply(post(0x1234), '62 84 1234 aabb')
  })

  it('passes the whole request to the handler and sends the whole reply', async () => {
    const bench = await Bench.start()
    const seen: CoapRequest[] = []
    let sent = 0
    bench.endpoint.onRequest = (request) => {
      seen.push(request)
      return {
        code: Code.CREATED,
        locationPath: ['rd', '5a'],
        etag: Buffer.from([1, 2]),
        contentFormat: 0,
        maxAge: 60,
        options: [{ number: 2048, value: Buffer.from('x') }],
        payload: Buffer.from([0xc3, 0x28]),
        onSent: () => sent++,
      }
    }
    bench.expectReply(
      post(1, {
        options: [
          [Opt.URI_PATH, 'rd'],
          [Opt.URI_PATH, 'x'],
          [Opt.CONTENT_FORMAT, 40],
          [Opt.URI_QUERY, 'ep=a'],
          [Opt.URI_QUERY, 'lt=60'],
          [Opt.ACCEPT, 112],
        ],
        payload: '</3/0>',
      }),
      // ETag 4, Location-Path 8 twice, Content-Format 12, Max-Age 14, option 2048
      '62 41 0001 aabb 42 0102 42 7264 02 3561 40 21 3c e1 06e5 78 ff c328',
    )
    const [request] = seen
    assert.ok(request)
    assert.deepEqual(
      [
        request.code,
        request.confirmable,
        Buffer.from(request.token).toString('hex'),
        request.path,
        request.query,
        request.contentFormat,
        request.accept,
        request.observe,
        request.payload.toString(),
        request.peer.id,
        request.options.length,
      ],
      [2, true, 'aabb', ['rd', 'x'], ['ep=a', 'lt=60'], 40, 112, undefined, '</3/0>', 'a', 6],
    )
    assert.equal(sent, 1)
    assert.deepEqual(bench.active, ['a'])
  })

  it('answers a non-confirmable request with a non-confirmable response', async () => {
    const bench = await Bench.start()
    bench.endpoint.onRequest = () => ({ code: Code.CHANGED })
    bench.deliver(post(7, { type: NON }))
    const reply = bench.sent()
    assert.deepEqual([reply.type, reply.code, reply.token], [NON, Code.CHANGED, 'aabb'])
  })

  it('answers a ping with RST (RFC 7252 §4.3)', async () => {
    const bench = await Bench.start()
    bench.expectReply({ type: CON, code: 0, mid: 0x0102 }, '70 00 0102')
    assert.deepEqual(bench.active, ['a'])
  })

  it('ignores an empty NON', async () => {
    const bench = await Bench.start()
    bench.deliver({ type: NON, code: 0, mid: 1 })
    bench.nothingSent()
    assert.deepEqual(bench.active, [])
  })

  describe('duplicates (RFC 7252 §4.5)', () => {
    it('sends the same reply again without calling the handler again', async () => {
      const bench = await Bench.start()
      let count = 0
      bench.endpoint.onRequest = () => ({
        code: Code.CHANGED,
        payload: Buffer.from([++count, 255]),
      })
      bench.expectReply(post(9), '62 44 0009 aabb ff 01ff')
      bench.expectReply(post(9), '62 44 0009 aabb ff 01ff')
      bench.clock.advance(246_000)
      bench.expectReply(post(9), '62 44 0009 aabb ff 01ff')
      assert.equal(count, 1)
      assert.equal(bench.endpoint.stats.duplicates, 2)
    })

    it('forgets messages after EXCHANGE_LIFETIME', async () => {
      const bench = await Bench.start()
      let count = 0
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, payload: Buffer.from([++count]) })
      bench.expectReply(post(9), '62 44 0009 aabb ff 01')
      bench.clock.advance(247_000)
      bench.expectReply(post(9), '62 44 0009 aabb ff 02')
    })

    it('ignores a duplicate of a NON request', async () => {
      const bench = await Bench.start()
      let count = 0
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, payload: Buffer.from([++count]) })
      bench.deliver(post(9, { type: NON }))
      bench.sent()
      bench.deliver(post(9, { type: NON }))
      bench.nothingSent()
      assert.equal(count, 1)
    })

    it('accepts the same Message-ID from another peer', async () => {
      const bench = await Bench.start()
      bench.endpoint.onRequest = ({ peer }) => ({
        code: Code.CONTENT,
        payload: Buffer.from(peer.id),
      })
      bench.expectReply(post(9), '62 45 0009 aabb ff 61')
      bench.expectReply(post(9), '62 45 0009 aabb ff 62', memoryPeer('b'))
      bench.expectReply(post(9), '62 45 0009 aabb ff 61')
    })

    it('accepts the same Message-ID with other content as a new message (a restarted device)', async () => {
      const bench = await Bench.start()
      let count = 0
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, payload: Buffer.from([++count]) })
      bench.expectReply(post(9), '62 44 0009 aabb ff 01')
      bench.expectReply(post(9, { token: 'ccdd' }), '62 44 0009 ccdd ff 02')
    })

    it('remembers the newest sixteen messages of a peer, and those still in progress', async () => {
      const bench = await Bench.start({ duplicatesPerPeer: 4 })
      let count = 0
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, payload: Buffer.from([++count]) })
      for (let mid = 1; mid <= 5; mid++) bench.deliver(post(mid))
      bench.transport.take()
      bench.expectReply(post(2), '62 44 0002 aabb ff 02')
      bench.expectReply(post(1), '62 44 0001 aabb ff 06')

      const answers: ((reply: CoapReply) => void)[] = []
      bench.endpoint.onRequest = () => new Promise((resolve) => answers.push(resolve))
      for (let mid = 100; mid <= 104; mid++) bench.deliver(post(mid))
      assert.equal(answers.length, 4)
      assert.deepEqual(
        bench.warnings.map(({ code }) => code),
        ['unexpected'],
      )
    })
  })

  describe('slow handlers (RFC 7252 §5.2.2)', () => {
    it('sends an empty ACK first and then a confirmable separate response', async () => {
      const bench = await Bench.start()
      let count = 0
      let answer: (reply: CoapReply) => void = () => {}
      bench.endpoint.onRequest = () => {
        count++
        return new Promise((resolve) => (answer = resolve))
      }
      bench.deliver(post(9))
      bench.clock.advance(499)
      bench.deliver(post(9))
      bench.nothingSent()
      bench.clock.advance(1)
      assert.equal(bench.transport.takeOne().toString('hex'), '60000009')
      bench.expectReply(post(9), '60000009')
      answer({ code: Code.CONTENT, payload: Buffer.from('x') })
      await settle()
      const response = bench.sent()
      assert.deepEqual(
        [response.type, response.code, response.token, response.payload.toString()],
        [CON, Code.CONTENT, 'aabb', 'x'],
      )
      bench.clock.advance(2000)
      assert.equal(bench.sent().mid, response.mid)
      bench.deliver({ type: ACK, code: 0, mid: response.mid })
      bench.clock.advance(100_000)
      bench.nothingSent()
      assert.equal(count, 1)
    })

    it('sends a piggybacked response if the handler is fast enough', async () => {
      const bench = await Bench.start()
      bench.endpoint.onRequest = async () => ({ code: Code.CHANGED })
      bench.deliver(post(9))
      await settle()
      assert.equal(bench.transport.takeOne().toString('hex'), '62440009aabb')
      bench.clock.advance(100_000)
      bench.nothingSent()
    })

    it('answers a device at its current address when the response is ready', async () => {
      const bench = await Bench.start()
      let answer: (reply: CoapReply) => void = () => {}
      bench.endpoint.onRequest = () => new Promise((resolve) => (answer = resolve))
      bench.deliver(post(9))
      bench.endpoint.migrate(bench.peer, memoryPeer('b'))
      bench.endpoint.migrate(memoryPeer('b'), memoryPeer('c'))
      answer({ code: Code.CHANGED })
      await settle()
      assert.deepEqual(
        bench.transport.sent.map(({ peer, datagram }) => [peer.id, datagram.toString('hex')]),
        [['c', '62440009aabb']],
      )
      bench.transport.take()
      bench.expectReply(post(9), '62440009aabb', memoryPeer('c'))
    })

    it('sends nothing after the endpoint stopped', async () => {
      const bench = await Bench.start()
      let answer: (reply: CoapReply) => void = () => {}
      bench.endpoint.onRequest = () => new Promise((resolve) => (answer = resolve))
      bench.deliver(post(9))
      await bench.endpoint.stop()
      answer({ code: Code.CHANGED })
      await settle()
      bench.nothingSent()
      assert.deepEqual(bench.warnings, [])
    })
  })

  describe('handlers that fail', () => {
    for (const [what, handler] of [
      [
        'throw',
        () => {
          throw new Error('secret')
        },
      ],
      ['reject', () => Promise.reject(new Error('secret'))],
      ['return nothing', () => undefined as unknown as CoapReply],
      ['return a request code', () => ({ code: Code.GET })],
      [
        'return a path segment that is too long',
        () => ({ code: Code.CREATED, locationPath: ['x'.repeat(256)] }),
      ],
    ] as [string, () => CoapReply | Promise<CoapReply>][]) {
      it(`answers 5.00 without the reason when they ${what}`, async () => {
        const bench = await Bench.start()
        bench.endpoint.onRequest = handler
        bench.deliver(post(9))
        await settle()
        assert.equal(bench.transport.takeOne().toString('hex'), '62a00009aabb')
        assert.deepEqual(
          bench.warnings.map(({ code }) => code),
          ['handler-failed'],
        )
      })
    }

    it('continues after callbacks that throw', async () => {
      const bench = await Bench.start()
      const fail = (): never => {
        throw new Error('broken')
      }
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, onSent: fail })
      bench.endpoint.onActivity = fail
      bench.endpoint.onTrace = fail
      bench.expectReply(post(9), '62440009aabb')
      assert.deepEqual(
        bench.warnings.map(({ code }) => code),
        ['listener-failed', 'listener-failed', 'listener-failed', 'listener-failed'],
      )
      bench.endpoint.onWarning = fail
      bench.expectReply(post(10), '6244000aaabb')
    })
  })

  describe('rejected messages', () => {
    it('answers 4.02 to an unknown critical option, naming it (§5.4.1)', async () => {
      const bench = await Bench.start()
      bench.deliver(
        post(9, {
          options: [
            [Opt.URI_PATH, 'rd'],
            [65001, 'x'],
          ],
        }),
      )
      const reply = bench.sent()
      assert.deepEqual([reply.type, reply.code], [ACK, Code.BAD_OPTION])
      assert.match(reply.payload.toString(), /65001/)
    })

    it('rejects a NON request with an unknown critical option', async () => {
      const bench = await Bench.start()
      bench.expectReply(post(9, { type: NON, options: [[65001, 'x']] }), '70 00 0009')
    })

    it('ignores an unknown elective option', async () => {
      const bench = await Bench.start()
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED })
      bench.expectReply(post(9, { options: [[65000, 'x']] }), '62440009aabb')
    })

    it('answers 4.05 to an unknown method (§5.8)', async () => {
      const bench = await Bench.start()
      bench.expectReply(post(9, { code: 8 }), '62850009aabb')
      bench.expectReply(post(10, { code: 31 }), '6285000aaabb')
    })

    it('answers 5.05 to proxy requests (§5.10.2)', async () => {
      const bench = await Bench.start()
      bench.expectReply(post(9, { options: [[35, 'coap://x/']] }), '62a50009aabb')
    })

    it('rejects a malformed confirmable message, and ignores others (§4.2, §4.3)', async () => {
      const bench = await Bench.start()
      bench.expectReply(Buffer.from('4901123400', 'hex'), '70 00 1234')
      bench.expectReply(Buffer.from('4020123500', 'hex'), '70 00 1235')
      for (const bytes of ['5901123400', '6901123400', '7901123400', '8001123400', '40', '']) {
        bench.deliver(Buffer.from(bytes, 'hex'))
      }
      bench.nothingSent()
      assert.equal(bench.endpoint.stats.malformed, 8)
      assert.equal(bench.warnings.length, 8)
      assert.equal(bench.warnings[0]?.code, 'malformed')
      assert.equal(Buffer.from(bench.warnings[0]?.raw ?? []).toString('hex'), '4901123400')
      assert.deepEqual(bench.active, [])
    })

    it('ignores requests in an ACK or RST, and responses in an RST', async () => {
      const bench = await Bench.start()
      bench.deliver(post(1, { type: ACK }))
      bench.deliver(post(2, { type: RST }))
      bench.deliver({ type: RST, code: 0x45, mid: 3 })
      bench.nothingSent()
      assert.equal(bench.endpoint.stats.malformed, 3)
    })

    it('ignores an unexpected ACK and RST', async () => {
      const bench = await Bench.start()
      bench.deliver(post(1))
      bench.transport.take()
      bench.deliver({ type: ACK, code: 0, mid: 77 })
      bench.deliver({ type: ACK, code: 0x45, mid: 77, token: '01' })
      bench.deliver({ type: RST, code: 0, mid: 77 })
      bench.nothingSent()
    })

    it('rejects a confirmable response with an unknown token, and a NON one by option', async () => {
      const bench = await Bench.start()
      bench.expectReply({ type: CON, code: 0x45, mid: 5, token: '99' }, '70 00 0005')
      bench.expectReply({ type: NON, code: 0x45, mid: 6, token: '99' }, '70 00 0006')
      const silent = await Bench.start({ unknownNon: 'ignore' })
      silent.expectReply({ type: CON, code: 0x45, mid: 5, token: '99' }, '70 00 0005')
      silent.deliver({ type: NON, code: 0x45, mid: 6, token: '99' })
      silent.nothingSent()
    })

    it('emits at most fifty warnings a second', async () => {
      const bench = await Bench.start()
      for (let i = 0; i < 60; i++) bench.deliver(Buffer.from('00', 'hex'))
      assert.equal(bench.warnings.length, 50)
      assert.equal(bench.endpoint.stats.suppressedWarnings, 10)
      bench.clock.advance(1000)
      bench.deliver(Buffer.from('00', 'hex'))
      assert.equal(bench.warnings.length, 51)
    })
  })

  describe('unregistered peers', () => {
    it('keeps no state for pings, malformed and unknown messages', async () => {
      const bench = await Bench.start()
      bench.deliver({ type: CON, code: 0, mid: 1 })
      bench.deliver({ type: CON, code: 0x45, mid: 2, token: '01' })
      bench.deliver({ type: ACK, code: 0, mid: 3 })
      bench.deliver(Buffer.from('4901123400', 'hex'))
      assert.equal(bench.endpoint.stats.peers, 0)
    })

    it('evicts the longest idle peers beyond the limit, but no pinned one', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 3 })
      let count = 0
      bench.endpoint.onRequest = () => ({ code: Code.CHANGED, payload: Buffer.from([++count]) })
      const peers = ['p', 'q', 'r', 's', 't'].map((id) => memoryPeer(id))
      const [p, q, r, s, t] = peers as [typeof bench.peer, ...(typeof bench.peer)[]]
      assert.ok(q && r && s && t)
      bench.endpoint.pin(p, true)
      assert.ok(bench.transport.pinned.has('p'))
      for (const peer of [p, q, r, s]) bench.deliver(post(1), peer)
      // q sends again, so r is the longest idle.
      bench.deliver(post(2), q)
      bench.deliver(post(1), t)
      bench.transport.take()
      assert.equal(bench.endpoint.stats.peers, 4)
      bench.expectReply(post(1), '62440001aabbff01', p)
      bench.expectReply(post(1), '62440001aabbff02', q)
      bench.expectReply(post(1), '62440001aabbff04', s)
      bench.expectReply(post(1), '62440001aabbff07', r)
    })

    it('expires idle peers with their remembered messages', async () => {
      const bench = await Bench.start()
      bench.deliver(post(1))
      bench.endpoint.pin(memoryPeer('kept'), true)
      assert.equal(bench.endpoint.stats.peers, 2)
      bench.clock.advance(260_000)
      assert.equal(bench.endpoint.stats.peers, 1)
      assert.equal(bench.clock.pending, 0)
      bench.endpoint.pin(memoryPeer('kept'), false)
      bench.clock.advance(260_000)
      assert.equal(bench.endpoint.stats.peers, 0)
    })
  })

  it('passes a description of every message to the trace callback', async () => {
    const bench = await Bench.start()
    bench.endpoint.onTrace = (trace) => bench.traces.push(trace)
    bench.endpoint.onRequest = () => ({
      code: Code.CONTENT,
      contentFormat: 0,
      payload: Buffer.from('x'),
    })
    const get = rawCoap(
      post(0x0a0b, {
        code: 1,
        options: [
          [Opt.OBSERVE, 0],
          [Opt.URI_PATH, '3'],
          [Opt.URI_PATH, '0'],
          [Opt.URI_QUERY, 'a'],
          [Opt.URI_QUERY, 'b=1'],
          [Opt.BLOCK2, 6],
        ],
      }),
    )
    bench.deliver(get)
    bench.deliver(get)
    assert.deepEqual(
      bench.traces.map(({ direction, type, code, messageId, repeated }) => [
        direction,
        type,
        code,
        messageId,
        repeated,
      ]),
      [
        ['in', 'CON', 1, 0x0a0b, false],
        ['out', 'ACK', 0x45, 0x0a0b, false],
        ['in', 'CON', 1, 0x0a0b, true],
        ['out', 'ACK', 0x45, 0x0a0b, true],
      ],
    )
    const [request, reply] = bench.traces
    assert.deepEqual(
      [request?.path, request?.query, request?.observe, request?.block2, request?.block1],
      ['/3/0', 'a&b=1', 0, '0/0/1024', undefined],
    )
    assert.deepEqual(
      [
        reply?.contentFormat,
        reply?.size,
        reply?.path,
        Buffer.from(reply?.payload ?? []).toString(),
      ],
      [0, 9, undefined, 'x'],
    )
    assert.equal(request?.time, Date.UTC(2026, 0, 1))
  })
})
