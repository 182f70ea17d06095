import assert from 'node:assert/strict'
import { Code, type CoapRequestInit } from '../../src/coap'
import { Bench, rejection, settle } from './support/bench'
import { ACK, CON, NON } from '../support/raw-coap'

const GET: CoapRequestInit = { code: Code.GET, path: ['3', '0'] }

describe('CoAP retransmission (RFC 7252 §4.2)', () => {
  it('doubles its timeout and fails with CoapTimeout after five transmissions', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, GET))
    const first = bench.transport.takeOne()
    for (const wait of [2000, 4000, 8000, 16_000]) {
      bench.clock.advance(wait - 1)
      bench.nothingSent()
      bench.clock.advance(1)
      assert.deepEqual(bench.transport.takeOne(), first)
    }
    bench.clock.advance(31_999)
    await settle()
    assert.equal(bench.endpoint.stats.timeouts, 0)
    bench.clock.advance(1)
    const error = await failure
    assert.deepEqual([error.name, error.code], ['CoapTimeout', 'timeout'])
    assert.equal(bench.endpoint.stats.retransmitted, 4)
    bench.clock.advance(1_000_000)
    bench.nothingSent()
  })

  it('draws the first timeout between ACK_TIMEOUT and ACK_TIMEOUT × ACK_RANDOM_FACTOR', async () => {
    const bench = await Bench.start({ ackRandomFactor: 1.5, nstart: 500 })
    const all = Array.from({ length: 400 }, () => bench.endpoint.request(bench.peer, GET))
    const settled = Promise.allSettled(all)
    bench.transport.take()
    bench.clock.advance(1999)
    bench.nothingSent()
    bench.clock.advance(500)
    const early = bench.transport.take().length
    assert.ok(early > 100 && early < 300, `${early} of 400 in the first half`)
    bench.clock.advance(511)
    assert.equal(bench.transport.take().length, 400 - early)
    await bench.endpoint.stop()
    await settled
  })

  it('uses the settings of a single request', async () => {
    const bench = await Bench.start()
    const failure = rejection(
      bench.endpoint.request(bench.peer, { ...GET, ackTimeout: 100, maxRetransmit: 1 }),
    )
    bench.clock.advance(300)
    assert.equal((await failure).code, 'timeout')
    assert.equal(bench.transport.take().length, 2)
  })

  it('stops at an empty ACK and waits for the response, which it acknowledges', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, GET)
    const { mid, token } = bench.sent()
    bench.deliver({ type: ACK, code: 0, mid })
    bench.clock.advance(60_000)
    bench.nothingSent()
    bench.expectReply({ type: CON, code: 0x45, mid: 0x0777, token, payload: 'x' }, '60000777')
    assert.equal((await promise).payload.toString(), 'x')
    // Its duplicate is acknowledged again, not rejected.
    bench.expectReply({ type: CON, code: 0x45, mid: 0x0777, token, payload: 'x' }, '60000777')
  })

  it('accepts a separate response in place of a lost ACK (§5.2.2)', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, GET)
    const { mid, token } = bench.sent()
    bench.deliver({ type: NON, code: 0x45, mid: 5, token, payload: 'x' })
    assert.equal((await promise).payload.toString(), 'x')
    bench.deliver({ type: ACK, code: 0, mid })
    bench.deliver({ type: NON, code: 0x45, mid: 5, token, payload: 'x' })
    bench.clock.advance(100_000)
    bench.nothingSent()
  })

  it('reports "acknowledged but not answered" with its own error', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, GET))
    const { mid } = bench.sent()
    bench.clock.advance(1000)
    bench.deliver({ type: ACK, code: 0, mid })
    bench.clock.advance(91_999)
    await settle()
    assert.equal(bench.endpoint.stats.timeouts, 0)
    bench.clock.advance(1)
    const error = await failure
    assert.deepEqual([error.name, error.code], ['CoapResponseTimeout', 'response-timeout'])
  })

  it('reports a response timeout without any ACK as CoapTimeout', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, { ...GET, responseTimeout: 1000 }))
    bench.clock.advance(1000)
    assert.equal((await failure).code, 'timeout')
    bench.transport.take()
    bench.clock.advance(100_000)
    bench.nothingSent()
  })

  it('does not retransmit a NON request, but waits for a response', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, { ...GET, confirmable: false }))
    assert.equal(bench.sent().type, NON)
    bench.clock.advance(93_000)
    assert.equal((await failure).code, 'response-timeout')
    bench.nothingSent()
  })
})
