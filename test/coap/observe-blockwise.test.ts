import assert from 'node:assert/strict'
import { Code, type CoapRequestInit } from '../../src/coap'
import { block } from './support/blocks'
import { Bench, settle } from './support/bench'
import { INIT, Listener, observed } from './support/observed'
import {
  ACK,
  NON,
  Opt,
  optionNumber,
  optionTexts,
  type RawMessage,
  type ReadMessage,
} from '../support/raw-coap'

describe('CoAP observe: bodies in blocks', () => {
  it('observes with a request body of several blocks, all with the token of the observation', async () => {
    const bench = await Bench.start()
    const listener = new Listener()
    const init: CoapRequestInit = { code: Code.FETCH, payload: Buffer.alloc(1500, 'p') }
    const promise = bench.endpoint.observe(bench.peer, init, listener)
    const first = bench.sent()
    bench.deliver({
      type: ACK,
      code: Code.CONTINUE,
      mid: first.mid,
      token: first.token,
      options: [[Opt.BLOCK1, block(0, true, 6)]],
    })
    const second = bench.sent()
    assert.deepEqual([second.token, optionNumber(second, Opt.OBSERVE)], [first.token, 0])
    bench.deliver({
      type: ACK,
      code: Code.CONTENT,
      mid: second.mid,
      token: first.token,
      options: [
        [Opt.OBSERVE, 1],
        [Opt.BLOCK1, block(1, false, 6)],
      ],
    })
    assert.equal((await promise).active, true)
    bench.deliver({
      type: NON,
      code: Code.CONTENT,
      mid: 1,
      token: first.token,
      options: [[Opt.OBSERVE, 2]],
      payload: 'x',
    })
    assert.deepEqual(listener.values, ['x'])
  })

  describe('block-wise notifications (RFC 7959 §2.6)', () => {
    /** A notification with the first 16 bytes of `payload`. */
    const large = (observe: number, payload: string): Partial<RawMessage> => ({
      options: [
        [Opt.OBSERVE, observe],
        [Opt.BLOCK2, block(0, true, 0)],
      ],
      payload: payload.slice(0, 16),
    })

    /** Answers the fetch of block `num`. */
    const serve = (bench: Bench, payload: string, num: number): ReadMessage => {
      const request = bench.sent()
      assert.deepEqual(
        [
          request.code,
          optionNumber(request, Opt.BLOCK2),
          optionNumber(request, Opt.OBSERVE),
          optionTexts(request, Opt.URI_PATH),
        ],
        [Code.GET, block(num, false, 0), undefined, ['3', '0', '9']],
      )
      bench.deliver({
        type: ACK,
        code: Code.CONTENT,
        mid: request.mid,
        token: request.token,
        options: [[Opt.BLOCK2, block(num, (num + 1) * 16 < payload.length, 0)]],
        payload: payload.slice(num * 16, (num + 1) * 16),
      })
      return request
    }

    it('fetches the rest by GET without Observe with new tokens, and delivers once', async () => {
      const { bench, listener, notify, token } = await observed()
      const value = 'a'.repeat(16) + 'b'.repeat(16) + 'c'
      notify(2, '', large(2, value))
      const second = serve(bench, value, 1)
      assert.notEqual(second.token, token)
      assert.deepEqual(listener.values, [])
      serve(bench, value, 2)
      assert.deepEqual([listener.values, listener.numbers], [[value], [2]])
      notify(3, 'small')
      assert.deepEqual(listener.values, [value, 'small'])
    })

    it('aborts an older fetch on a newer notification', async () => {
      const { bench, listener, notify } = await observed()
      const old = 'o'.repeat(40)
      const fresh = 'n'.repeat(40)
      notify(2, '', large(2, old))
      serve(bench, old, 1)
      bench.transport.takeOne()
      notify(3, '', large(3, fresh))
      serve(bench, fresh, 1)
      serve(bench, fresh, 2)
      assert.deepEqual([listener.values, listener.numbers], [[fresh], [3]])
      notify(4, '', large(4, old))
      bench.transport.takeOne()
      notify(5, 'small')
      assert.deepEqual(listener.values, [fresh, 'small'])
      assert.deepEqual(bench.warnings, [])
    })

    it('keeps the observation if a sleeping device never sends the last block', async () => {
      const { bench, listener, relation, notify } = await observed()
      notify(2, '', large(2, 'x'.repeat(20)))
      bench.clock.advance(62_000)
      await settle()
      assert.deepEqual(
        bench.warnings.map(({ code }) => code),
        ['notification-incomplete'],
      )
      assert.deepEqual([listener.values, listener.ends, relation.active], [[], [], true])
      bench.transport.take()
      notify(3, 'awake')
      assert.deepEqual(listener.values, ['awake'])
    })

    it('keeps the observation if the fetch is answered with an error or an invalid response', async () => {
      const { bench, listener, relation, notify } = await observed()
      notify(2, '', large(2, 'x'.repeat(20)))
      const request = bench.sent()
      bench.deliver({ type: ACK, code: Code.NOT_FOUND, mid: request.mid, token: request.token })
      notify(3, '', {
        options: [
          [Opt.OBSERVE, 3],
          [Opt.BLOCK2, block(3, true, 0)],
        ],
        payload: 'x'.repeat(16),
      })
      notify(4, '', {
        options: [
          [Opt.OBSERVE, 4],
          [Opt.BLOCK2, block(0, true, 7)],
        ],
        payload: 'x'.repeat(16),
      })
      assert.deepEqual(
        bench.warnings.map(({ code }) => code),
        Array(3).fill('notification-incomplete'),
      )
      assert.deepEqual([listener.values, listener.ends, relation.active], [[], [], true])
    })

    it('fetches before the queued requests to the peer', async () => {
      const { bench, notify } = await observed()
      const all = [
        bench.endpoint.request(bench.peer, { code: Code.GET, path: ['1'] }),
        bench.endpoint.request(bench.peer, { code: Code.GET, path: ['2'] }),
      ]
      const first = bench.sent()
      notify(2, '', large(2, 'x'.repeat(20)))
      bench.deliver({ type: ACK, code: Code.CONTENT, mid: first.mid, token: first.token })
      serve(bench, 'x'.repeat(20), 1)
      const second = bench.sent()
      assert.deepEqual(optionTexts(second, Opt.URI_PATH), ['2'])
      bench.deliver({ type: ACK, code: Code.CONTENT, mid: second.mid, token: second.token })
      await Promise.all(all)
    })

    it('fetches a first response with new tokens too', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const promise = bench.endpoint.observe(bench.peer, INIT, listener)
      const request = bench.sent()
      const value = 'v'.repeat(20)
      bench.deliver({
        type: ACK,
        code: Code.CONTENT,
        mid: request.mid,
        token: request.token,
        options: [
          [Opt.OBSERVE, 1],
          [Opt.BLOCK2, block(0, true, 0)],
        ],
        payload: value.slice(0, 16),
      })
      assert.notEqual(serve(bench, value, 1).token, request.token)
      const relation = await promise
      assert.deepEqual(
        [relation.first?.payload.toString(), relation.first?.observe, relation.active],
        [value, 1, true],
      )
    })

    it('delivers a newer notification as the first response while that is fetched', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const promise = bench.endpoint.observe(bench.peer, INIT, listener)
      const request = bench.sent()
      bench.deliver({
        type: ACK,
        code: Code.CONTENT,
        mid: request.mid,
        token: request.token,
        options: [
          [Opt.OBSERVE, 1],
          [Opt.BLOCK2, block(0, true, 0)],
        ],
        payload: 'v'.repeat(16),
      })
      bench.transport.takeOne()
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: 5,
        token: request.token,
        options: [[Opt.OBSERVE, 2]],
        payload: 'newer',
      })
      const relation = await promise
      assert.deepEqual([relation.first?.payload.toString(), relation.first?.observe], ['newer', 2])
      assert.deepEqual(listener.values, [])
      bench.clock.advance(100_000)
      bench.nothingSent()
    })

    it('stays active without a first response if a later block of it is lost', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const promise = bench.endpoint.observe(bench.peer, INIT, listener)
      const request = bench.sent()
      bench.deliver({
        type: ACK,
        code: Code.CONTENT,
        mid: request.mid,
        token: request.token,
        options: [
          [Opt.OBSERVE, 1],
          [Opt.BLOCK2, block(0, true, 0)],
        ],
        payload: 'v'.repeat(16),
      })
      bench.clock.advance(2 * 62_000)
      const relation = await promise
      assert.deepEqual([relation.first, relation.active], [undefined, true])
      bench.transport.take()
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: 5,
        token: request.token,
        options: [[Opt.OBSERVE, 2]],
        payload: 'x',
      })
      assert.deepEqual(listener.values, ['x'])
    })

    it('fetches the rest of a FETCH notification by FETCH with the same body', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const init: CoapRequestInit = { code: Code.FETCH, payload: Buffer.from('list') }
      bench.endpoint.adopt(bench.peer, init, Buffer.from([1]), listener)
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: 1,
        token: '01',
        ...large(1, 'x'.repeat(17)),
      })
      const request = bench.sent()
      assert.deepEqual(
        [request.code, request.payload.toString(), optionNumber(request, Opt.OBSERVE)],
        [Code.FETCH, 'list', undefined],
      )
    })
  })
})
