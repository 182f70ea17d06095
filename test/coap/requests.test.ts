import assert from 'node:assert/strict'
import { Code, OptionNumber, type CoapRequestInit } from '../../src/coap'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { ACK, CON, NON, RST, Opt, optionNumber, optionTexts } from '../support/raw-coap'

const GET: CoapRequestInit = { code: Code.GET, path: ['3', '0'] }

describe('CoAP requests: client role', () => {
  it('encodes a request byte by byte and resolves with its piggybacked response', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, {
      code: Code.PUT,
      path: ['3', '0', '15'],
      query: ['pmin=1'],
      contentFormat: 0,
      accept: 112,
      etag: Buffer.from([9]),
      options: [{ number: OptionNumber.URI_HOST, value: Buffer.from('h') }],
      token: Buffer.from('c0de', 'hex'),
      payload: Buffer.from([0xff, 0x00]),
    })
    const [datagram] = bench.transport.take()
    const mid = datagram?.readUInt16BE(2) ?? 0
    const midHex = mid.toString(16).padStart(4, '0')
    assert.equal(
      datagram?.toString('hex'),
      // Uri-Host 3, ETag 4, Uri-Path 11 (3 times), Content-Format 12, Uri-Query 15, Accept 17
      `4203${midHex}c0de` +
        '3168' +
        '1109' +
        '7133' +
        '0130' +
        '023135' +
        '10' +
        '36706d696e3d31' +
        '2170' +
        'ffff00',
    )
    bench.deliver({
      type: ACK,
      code: 0x45,
      mid,
      token: 'c0de',
      options: [
        [4, Buffer.from([7])],
        [Opt.LOCATION_PATH, '1'],
        [Opt.LOCATION_PATH, '2'],
        [Opt.CONTENT_FORMAT, 110],
        [14, 30],
      ],
      payload: '[]',
    })
    const response = await promise
    assert.deepEqual(
      [
        response.peer,
        response.code,
        response.contentFormat,
        response.payload.toString(),
        response.locationPath,
        Buffer.from(response.etag ?? []),
        response.maxAge,
        response.observe,
        response.options.length,
      ],
      [bench.peer, 0x45, 110, '[]', ['1', '2'], Buffer.from([7]), 30, undefined, 5],
    )
    assert.deepEqual(bench.active, ['a'])
  })

  it('uses tokens of eight bytes that do not repeat', async () => {
    const bench = await Bench.start({ nstart: 2000 })
    const promises = Array.from({ length: 1000 }, () => bench.endpoint.request(bench.peer, GET))
    const tokens = new Set(bench.allSent().map(({ token }) => token))
    assert.equal(tokens.size, 1000)
    assert.ok([...tokens].every((token) => token.length === 16))
    const stopped = Promise.allSettled(promises)
    await bench.endpoint.stop()
    await stopped
  })

  it('returns an error code as a response, not as an error', async () => {
    const bench = await Bench.start()
    for (const code of [0x84, 0x85, 0x86, 0xa0]) {
      const promise = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code, mid, token })
      assert.equal((await promise).code, code)
    }
  })

  it('rejects with CoapReset when the peer sends RST', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, GET))
    bench.deliver({ type: RST, code: 0, mid: bench.sent().mid })
    const error = await failure
    assert.deepEqual([error.name, error.code], ['CoapReset', 'reset'])
  })

  it('ignores an ACK with another token, and continues retransmitting', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, GET)
    const { mid, token } = bench.sent()
    bench.deliver({ type: ACK, code: 0x45, mid, token: 'ffff' })
    assert.equal(bench.warnings[0]?.code, 'unexpected')
    bench.clock.advance(2000)
    assert.equal(bench.sent().mid, mid)
    bench.deliver({ type: ACK, code: 0x45, mid, token })
    assert.equal((await promise).code, 0x45)
  })

  it('rejects a response with an unknown critical option (§5.4.1)', async () => {
    const bench = await Bench.start()
    const piggybacked = rejection(bench.endpoint.request(bench.peer, GET))
    const first = bench.sent()
    bench.deliver({ ...first, type: ACK, code: 0x45, options: [[65001, 'x']] })
    assert.equal((await piggybacked).code, 'malformed')

    const separate = rejection(bench.endpoint.request(bench.peer, GET))
    const { token } = bench.sent()
    bench.expectReply({ type: CON, code: 0x45, mid: 3, token, options: [[65001, 'x']] }, '70000003')
    assert.equal((await separate).code, 'malformed')
  })

  describe('peers', () => {
    it('matches Message-ID and token only with their own peer', async () => {
      const bench = await Bench.start()
      const b = memoryPeer('b')
      const token = Buffer.from('01')
      const ofA = bench.endpoint.request(bench.peer, { ...GET, token })
      const ofB = bench.endpoint.request(b, { ...GET, token })
      const [toA, toB] = bench.allSent()
      assert.ok(toA && toB)
      const answer = (mid: number, payload: string) =>
        ({ type: ACK, code: 0x45, mid, token: toA.token, payload }) as const
      // An ACK from the wrong peer is ignored, even with both numbers right.
      if (toA.mid !== toB.mid) bench.deliver(answer(toA.mid, 'forged'), b)
      bench.expectReply(
        { type: CON, code: 0x45, mid: 9, token: toA.token, payload: 'forged' },
        '70000009',
        memoryPeer('c'),
      )
      bench.deliver(answer(toB.mid, 'b'), b)
      bench.deliver(answer(toA.mid, 'a'))
      assert.deepEqual([(await ofA).payload.toString(), (await ofB).payload.toString()], ['a', 'b'])
    })
  })

  describe('NSTART (RFC 7252 §4.7)', () => {
    it('sends one request at a time, in order, the next one after the response', async () => {
      const bench = await Bench.start()
      const promises = ['1', '2', '3'].map((id) =>
        bench.endpoint.request(bench.peer, { code: Code.GET, path: [id] }),
      )
      for (const id of ['1', '2', '3']) {
        const { mid, token, ...request } = bench.sent()
        assert.deepEqual(optionTexts({ mid, token, ...request }, Opt.URI_PATH), [id])
        bench.deliver({ type: ACK, code: 0, mid })
        bench.nothingSent()
        bench.deliver({ type: NON, code: 0x45, mid: Number(id), token })
      }
      await Promise.all(promises)
    })

    it('does not delay requests to other peers', async () => {
      const bench = await Bench.start()
      const all = Promise.allSettled([
        bench.endpoint.request(bench.peer, GET),
        bench.endpoint.request(memoryPeer('b'), GET),
      ])
      assert.equal(bench.transport.take().length, 2)
      await bench.endpoint.stop()
      await all
    })

    it('continues after a failure, and starts the timeout of a request when it is sent', async () => {
      const bench = await Bench.start({ maxRetransmit: 0 })
      const first = rejection(bench.endpoint.request(bench.peer, GET))
      const second = bench.endpoint.request(bench.peer, { ...GET, responseTimeout: 1500 })
      bench.transport.takeOne()
      bench.clock.advance(2000)
      await first
      const { mid, token } = bench.sent()
      bench.clock.advance(1000)
      bench.deliver({ type: ACK, code: 0x45, mid, token })
      await second
    })

    it('sends several requests at once by option', async () => {
      const bench = await Bench.start({ nstart: 2 })
      const all = Promise.allSettled([1, 2, 3].map(() => bench.endpoint.request(bench.peer, GET)))
      assert.equal(bench.transport.take().length, 2)
      await bench.endpoint.stop()
      await all
    })

    it('rejects requests beyond the limit of the queue', async () => {
      const bench = await Bench.start({ maxQueuedPerPeer: 2 })
      const all = [1, 2, 3].map(() => bench.endpoint.request(bench.peer, GET))
      const error = await rejection(bench.endpoint.request(bench.peer, GET))
      assert.deepEqual([error.name, error.code], ['CoapQueueFull', 'queue-full'])
      const settled = Promise.allSettled(all)
      await bench.endpoint.stop()
      await settled
    })
  })

  describe('cancellation', () => {
    it('rejects an aborted request at once, queued or sent', async () => {
      const bench = await Bench.start()
      const controllers = [new AbortController(), new AbortController(), new AbortController()]
      const failures = controllers.map(({ signal }) =>
        rejection(bench.endpoint.request(bench.peer, { ...GET, signal })),
      )
      bench.transport.takeOne()
      controllers[1]?.abort()
      assert.equal((await failures[1])?.code, 'cancelled')
      bench.nothingSent()
      controllers[0]?.abort()
      assert.equal((await failures[0])?.code, 'cancelled')
      // The third goes out now; the first is not retransmitted any more.
      const third = bench.sent()
      bench.clock.advance(2000)
      assert.equal(bench.sent().mid, third.mid)
      controllers[2]?.abort()
      await failures[2]
      const late = rejection(
        bench.endpoint.request(bench.peer, { ...GET, signal: AbortSignal.abort() }),
      )
      assert.equal((await late).code, 'cancelled')
      bench.nothingSent()
      bench.clock.advance(100_000)
      bench.nothingSent()
    })

    it('rejects everything with CoapCancelled when it stops', async () => {
      const bench = await Bench.start()
      const failures = [GET, GET].map((init) => rejection(bench.endpoint.request(bench.peer, init)))
      const ping = rejection(bench.endpoint.ping(memoryPeer('b')))
      await bench.endpoint.stop()
      for (const failure of [...failures, ping]) assert.equal((await failure).code, 'cancelled')
      const after = rejection(bench.endpoint.request(bench.peer, GET))
      assert.equal((await after).code, 'cancelled')
      assert.equal(bench.transport.take().length, 2)
      assert.equal(bench.clock.pending, 0)
      await bench.endpoint.start()
      const again = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code: 0x45, mid, token })
      await again
    })

    it('rejects all requests to one peer when it is aborted, and no others', async () => {
      const bench = await Bench.start()
      const failures = [GET, GET, GET].map((init) =>
        rejection(bench.endpoint.request(bench.peer, init)),
      )
      const other = bench.endpoint.request(memoryPeer('b'), GET)
      const [, toB] = bench.allSent()
      bench.endpoint.abort(bench.peer, 'registered anew')
      for (const failure of failures) {
        const error = await failure
        assert.deepEqual([error.code, error.message], ['cancelled', 'registered anew'])
      }
      bench.nothingSent()
      bench.deliver(
        { type: ACK, code: 0x45, mid: toB?.mid ?? 0, token: toB?.token },
        memoryPeer('b'),
      )
      await other
      bench.endpoint.abort(memoryPeer('nobody'), 'x')
    })

    it('rejects with PeerGone when the transport lost the peer', async () => {
      const bench = await Bench.start()
      const gone: string[] = []
      bench.endpoint.onPeerGone = (peer, reason) => gone.push(`${peer.id} ${reason}`)
      const failures = [GET, GET].map((init) => rejection(bench.endpoint.request(bench.peer, init)))
      bench.transport.lose(bench.peer, 'closed')
      for (const failure of failures) assert.equal((await failure).code, 'peer-gone')
      assert.deepEqual(gone, ['a closed'])
      assert.equal(bench.endpoint.stats.peers, 0)
      const next = rejection(bench.endpoint.request(bench.peer, GET))
      assert.equal((await next).code, 'peer-gone')
    })

    it('rejects when a retransmission cannot be sent', async () => {
      const bench = await Bench.start()
      const failure = rejection(bench.endpoint.request(bench.peer, GET))
      bench.transport.close(bench.peer)
      bench.clock.advance(2000)
      assert.equal((await failure).code, 'peer-gone')
    })

    it('fails a long queue of requests to a peer that is gone without a deep stack', async () => {
      const bench = await Bench.start({ maxQueuedPerPeer: 20_000 })
      const failures = Array.from({ length: 20_000 }, () =>
        rejection(bench.endpoint.request(bench.peer, GET)),
      )
      bench.transport.close(bench.peer)
      bench.clock.advance(2000)
      for (const failure of failures) assert.equal((await failure).code, 'peer-gone')
    })

    it('rejects a request that cannot be encoded, and continues', async () => {
      const bench = await Bench.start()
      for (const init of [
        { ...GET, path: ['x'.repeat(256)] },
        { ...GET, blockSize: 100 },
        { ...GET, token: Buffer.alloc(9) },
        { ...GET, token: Buffer.alloc(0) },
        { ...GET, etag: Buffer.alloc(9) },
        { ...GET, contentFormat: 65_536 },
        { ...GET, options: [{ number: 70_000, value: Buffer.alloc(1) }] },
      ]) {
        await assert.rejects(bench.endpoint.request(bench.peer, init), RangeError)
      }
      bench.nothingSent()
      const promise = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code: 0x45, mid, token })
      await promise
    })
  })

  it('resolves a ping at RST, and rejects it with CoapTimeout without an answer', async () => {
    const bench = await Bench.start()
    const pong = bench.endpoint.ping(bench.peer)
    const datagram = bench.transport.takeOne()
    assert.match(datagram.toString('hex'), /^4000....$/)
    bench.deliver({ type: RST, code: 0, mid: datagram.readUInt16BE(2) })
    await pong
    const silence = rejection(bench.endpoint.ping(bench.peer))
    bench.clock.advance(62_000)
    assert.equal((await silence).code, 'timeout')
  })

  it('accepts a response within the call to send, as of an in-process transport', async () => {
    const bench = await Bench.start()
    bench.transport.onSend = ({ peer, datagram }) => {
      const ack = Buffer.from(datagram)
      ack[0] = 0x68
      ack[1] = 0x45
      bench.transport.onMessage(peer, ack.subarray(0, 12))
    }
    for (let i = 0; i < 3; i++) {
      assert.equal((await bench.endpoint.request(bench.peer, GET)).code, 0x45)
    }
    bench.transport.take()
    bench.transport.onSend = undefined
    bench.clock.advance(100_000)
    bench.nothingSent()
  })

  it('moves pending requests when the device moves', async () => {
    const bench = await Bench.start()
    const to = memoryPeer('moved')
    const first = bench.endpoint.request(bench.peer, { ...GET, path: ['1'] })
    const second = bench.endpoint.request(bench.peer, { ...GET, path: ['2'] })
    const sent = bench.sent()
    bench.endpoint.migrate(bench.peer, to)
    bench.clock.advance(2000)
    assert.equal(bench.transport.sent[0]?.peer.id, 'moved')
    assert.equal(bench.sent().mid, sent.mid)
    bench.deliver({ type: ACK, code: 0x45, mid: sent.mid, token: sent.token }, to)
    const next = bench.sent()
    assert.notEqual(next.mid, sent.mid)
    bench.deliver({ type: ACK, code: 0x45, mid: next.mid, token: next.token }, to)
    assert.equal((await first).peer.id, 'moved')
    await second
    assert.equal(bench.endpoint.stats.peers, 1)
  })

  it('accepts the separate response of a device that moved after its empty ACK', async () => {
    const bench = await Bench.start({ nstart: 2 })
    const to = memoryPeer('moved')
    const promises = [GET, GET].map((init) => bench.endpoint.request(bench.peer, init))
    const sent = bench.allSent()
    for (const { mid } of sent) bench.deliver({ type: ACK, code: 0, mid })
    bench.endpoint.migrate(bench.peer, to)
    for (const [index, { token }] of sent.entries()) {
      bench.deliver({ type: CON, code: 0x45, mid: index, token, payload: String(index) }, to)
      assert.equal(bench.sent().type, ACK)
    }
    assert.deepEqual(
      (await Promise.all(promises)).map(({ payload }) => payload.toString()),
      ['0', '1'],
    )
  })

  it('continues serving a peer after many non-confirmable responses', async () => {
    const bench = await Bench.start({ duplicatesPerPeer: 4 })
    for (let i = 0; i < 6; i++) {
      const promise = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code: 0, mid })
      bench.deliver({ type: NON, code: 0x45, mid: i, token })
      await promise
    }
    bench.expectReply({ type: CON, code: Code.GET, mid: 100 }, '60840064')
  })

  it('keeps no state when all requests have ended', async () => {
    const bench = await Bench.start()
    for (let i = 0; i < 100; i++) {
      const promise = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code: 0x45, mid, token })
      await promise
    }
    bench.clock.advance(300_000)
    assert.equal(bench.endpoint.stats.peers, 0)
    assert.equal(bench.clock.pending, 0)
  })

  it('requests small blocks from the start by option (RFC 7959 §2.4)', async () => {
    const bench = await Bench.start({ blockSize: 64 })
    const promise = bench.endpoint.request(bench.peer, GET)
    const request = bench.sent()
    assert.equal(optionNumber(request, Opt.BLOCK2), 2)
    bench.deliver({ type: ACK, code: 0x45, mid: request.mid, token: request.token })
    await promise
  })
})
