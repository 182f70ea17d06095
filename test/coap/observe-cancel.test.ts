import assert from 'node:assert/strict'
import { Code, type CoapRequestInit } from '../../src/coap'
import { block } from './support/blocks'
import { Bench, rejection } from './support/bench'
import { INIT, Listener, observed } from './support/observed'
import {
  ACK,
  CON,
  NON,
  Opt,
  optionNumber,
  optionTexts,
  type RawMessage,
  type ReadMessage,
} from '../support/raw-coap'

describe('CoAP observe: cancellation', () => {
  it('sends Observe 1 with the same token, and delivers nothing more (RFC 7641 §3.6)', async () => {
    const { bench, listener, relation, notify, token } = await observed()
    const promise = relation.cancel()
    assert.equal(relation.active, false)
    const request = bench.sent()
    assert.deepEqual(
      [
        request.token,
        optionNumber(request, Opt.OBSERVE),
        optionTexts(request, Opt.URI_PATH),
        optionNumber(request, Opt.ACCEPT),
      ],
      [token, 1, ['3', '0', '9'], 0],
    )
    // A notification sent before is not the response to the cancellation.
    notify(2, 'late', { type: CON, mid: 0x0555 })
    assert.equal(bench.transport.takeOne().toString('hex'), '60000555')
    bench.deliver({ type: ACK, code: Code.CONTENT, mid: request.mid, token, payload: 'last' })
    assert.equal((await promise).payload.toString(), 'last')
    assert.deepEqual([listener.values, listener.ends], [[], []])
    bench.expectReply(
      { type: CON, code: Code.CONTENT, mid: 6, token, options: [[Opt.OBSERVE, 3]] },
      '70000006',
    )
  })

  it('accepts a separate response without a number', async () => {
    const { bench, relation, token } = await observed()
    const promise = relation.cancel()
    bench.deliver({ type: ACK, code: 0, mid: bench.sent().mid })
    bench.expectReply({ type: CON, code: Code.CONTENT, mid: 6, token }, '60000006')
    assert.equal((await promise).code, Code.CONTENT)
  })

  /** The first block of the answer to a cancellation. */
  const firstBlock = ({ mid, token }: ReadMessage): RawMessage => ({
    type: ACK,
    code: Code.CONTENT,
    mid,
    token,
    options: [[Opt.BLOCK2, block(0, true, 0)]],
    payload: Buffer.alloc(16, 'a'),
  })

  it('fetches the rest of a large last value, so that the peer can release it', async () => {
    const { bench, relation, token } = await observed()
    const promise = relation.cancel({ query: [] })
    const waiting = bench.endpoint.request(bench.peer, { code: Code.GET, path: ['4'] })
    bench.deliver(firstBlock(bench.sent()))
    const rest = bench.sent()
    assert.notEqual(rest.token, token)
    assert.deepEqual(
      [
        optionNumber(rest, Opt.OBSERVE),
        optionTexts(rest, Opt.URI_PATH),
        optionNumber(rest, Opt.BLOCK2),
      ],
      [undefined, ['3', '0', '9'], block(1, false, 0)],
    )
    bench.deliver({
      type: ACK,
      code: Code.CONTENT,
      mid: rest.mid,
      token: rest.token,
      options: [[Opt.BLOCK2, block(1, false, 0)]],
      payload: 'b',
    })
    assert.equal((await promise).payload.toString(), `${'a'.repeat(16)}b`)
    const next = bench.sent()
    assert.deepEqual(optionTexts(next, Opt.URI_PATH), ['4'])
    bench.deliver({ type: ACK, code: Code.CONTENT, mid: next.mid, token: next.token })
    await waiting
  })

  it('succeeds if the rest of the last value does not arrive', async () => {
    const { bench, relation } = await observed()
    const promise = relation.cancel()
    bench.deliver(firstBlock(bench.sent()))
    bench.clock.advance(200_000)
    assert.equal((await promise).payload.toString(), 'a'.repeat(16))
    assert.equal(relation.active, false)
  })

  it('succeeds if the last value is larger than the limit', async () => {
    const { bench, relation } = await observed(1, { maxBody: 20 })
    const promise = relation.cancel()
    const request = bench.sent()
    const { mid, token, options = [], ...rest } = firstBlock(request)
    bench.deliver({ ...rest, mid, token, options: [...options, [Opt.SIZE2, 21]] })
    assert.equal((await promise).payload.toString(), 'a'.repeat(16))
    bench.nothingSent()
  })

  it('repeats the query of the observe request by default', async () => {
    for (const [options, expected] of [
      [{}, ['pmin=5']],
      [{ query: [] }, []],
    ] as const) {
      const bench = await Bench.start()
      const init = { ...INIT, query: ['pmin=5'] }
      const relation = bench.endpoint.adopt(bench.peer, init, Buffer.from('t'), new Listener())
      const promise = relation.cancel(options)
      const request = bench.sent()
      assert.deepEqual(optionTexts(request, Opt.URI_QUERY), expected)
      bench.deliver({ type: ACK, code: Code.CONTENT, mid: request.mid, token: request.token })
      await promise
    }
  })

  it('forgets the observation if the peer does not answer', async () => {
    const { bench, relation, token } = await observed()
    const failure = rejection(relation.cancel({ maxRetransmit: 0 }))
    bench.transport.take()
    bench.clock.advance(2000)
    assert.equal((await failure).code, 'timeout')
    bench.expectReply({ type: CON, code: Code.CONTENT, mid: 6, token }, '70000006')
  })

  it('rejects the next notification after a passive cancellation', async () => {
    const { bench, listener, relation, token } = await observed()
    relation.forget()
    assert.equal(relation.active, false)
    bench.expectReply(
      { type: NON, code: Code.CONTENT, mid: 6, token, options: [[Opt.OBSERVE, 3]] },
      '70000006',
    )
    assert.deepEqual([listener.values, listener.ends], [[], []])
  })

  it('observes by FETCH and cancels with exactly the same body', async () => {
    const bench = await Bench.start()
    const init: CoapRequestInit = {
      code: Code.FETCH,
      contentFormat: 110,
      payload: Buffer.from('[]'),
    }
    const promise = bench.endpoint.observe(bench.peer, init, new Listener())
    const request = bench.sent()
    assert.deepEqual(
      [request.code, optionNumber(request, Opt.OBSERVE), request.payload.toString()],
      [Code.FETCH, 0, '[]'],
    )
    bench.deliver({
      type: ACK,
      code: Code.CONTENT,
      mid: request.mid,
      token: request.token,
      options: [[Opt.OBSERVE, 1]],
    })
    const cancelled = (await promise).cancel()
    const cancel = bench.sent()
    assert.deepEqual(
      [cancel.code, cancel.token, optionNumber(cancel, Opt.OBSERVE), cancel.payload.toString()],
      [Code.FETCH, request.token, 1, '[]'],
    )
    bench.deliver({ type: ACK, code: Code.CONTENT, mid: cancel.mid, token: cancel.token })
    await cancelled
  })
})
