import assert from 'node:assert/strict'
import { Code, type CoapRequestInit, type CoapResponse, type ObserveRelation } from '../../src/coap'
import { isNewer } from '../../src/coap/observe/relation'
import { Bench, rejection, settle } from './support/bench'
import { memoryPeer } from './support/memory-transport'
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

const INIT: CoapRequestInit = { code: Code.GET, path: ['3', '0', '9'], accept: 0 }
const block = (num: number, more: boolean, szx: number): number => num * 16 + (more ? 8 : 0) + szx

/** Records what a listener is told. */
class Listener {
  readonly values: string[] = []
  readonly numbers: (number | undefined)[] = []
  readonly ends: string[] = []

  onNotification(response: CoapResponse): void {
    this.values.push(response.payload.toString())
    this.numbers.push(response.observe)
  }

  onEnd(reason: string, response?: CoapResponse): void {
    this.ends.push(response === undefined ? reason : `${reason} ${response.code.toString(16)}`)
  }
}

interface Observed {
  readonly bench: Bench
  readonly listener: Listener
  readonly relation: ObserveRelation
  readonly token: string
  /** Delivers a notification. */
  notify(observe: number | undefined, payload: string, extra?: Partial<RawMessage>): void
}

/** An observation that the peer accepted with number `first`. */
async function observed(first = 1, options = {}): Promise<Observed> {
  const bench = await Bench.start(options)
  const listener = new Listener()
  const promise = bench.endpoint.observe(bench.peer, INIT, listener)
  const { mid, token } = bench.sent()
  bench.deliver({
    type: ACK,
    code: Code.CONTENT,
    mid,
    token,
    options: [[Opt.OBSERVE, first]],
    payload: 'first',
  })
  const relation = await promise
  let next = 0x4000
  return {
    bench,
    listener,
    relation,
    token,
    notify: (observe, payload, extra = {}) =>
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: ++next,
        token,
        options: observe === undefined ? [] : [[Opt.OBSERVE, observe]],
        payload,
        ...extra,
      }),
  }
}

describe('coap observe: the asking side', () => {
  it('registers with Observe 0 and gives the first answer apart from the notifications', async () => {
    const bench = await Bench.start()
    const listener = new Listener()
    const promise = bench.endpoint.observe(bench.peer, INIT, listener)
    const request = bench.sent()
    assert.deepEqual(
      [
        request.type,
        request.code,
        optionNumber(request, Opt.OBSERVE),
        optionTexts(request, Opt.URI_PATH),
        optionNumber(request, Opt.ACCEPT),
      ],
      [CON, Code.GET, 0, ['3', '0', '9'], 0],
    )
    bench.deliver({
      type: ACK,
      code: Code.CONTENT,
      mid: request.mid,
      token: request.token,
      options: [[Opt.OBSERVE, 12]],
      payload: '1',
    })
    const relation = await promise
    assert.deepEqual(
      [
        relation.active,
        relation.first?.payload.toString(),
        relation.first?.observe,
        Buffer.from(relation.token).toString('hex'),
        relation.peer.id,
      ],
      [true, '1', 12, request.token, 'a'],
    )
    assert.deepEqual(listener.values, [])
  })

  it('is inactive when the peer answers without Observe, or with an error', async () => {
    const bench = await Bench.start()
    for (const [code, options] of [
      [Code.CONTENT, []],
      [Code.NOT_FOUND, []],
      [Code.NOT_FOUND, [[Opt.OBSERVE, 1]]],
    ] as [number, RawMessage['options']][]) {
      const promise = bench.endpoint.observe(bench.peer, INIT, new Listener())
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code, mid, token, options })
      const relation = await promise
      assert.deepEqual([relation.active, relation.first?.code], [false, code])
      bench.expectReply({ type: CON, code: Code.CONTENT, mid: 1, token }, '70000001')
    }
  })

  it('rejects like a request', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.observe(bench.peer, INIT, new Listener()))
    bench.transport.take()
    bench.clock.advance(62_000)
    assert.equal((await failure).code, 'timeout')
  })

  it('delivers notifications and acknowledges the confirmable ones', async () => {
    const { bench, listener, notify, token } = await observed()
    notify(2, 'a')
    bench.nothingSent()
    bench.expectReply(
      {
        type: CON,
        code: Code.CONTENT,
        mid: 0x0102,
        token,
        options: [[Opt.OBSERVE, 3]],
        payload: 'b',
      },
      '60000102',
    )
    assert.deepEqual(listener.values, ['a', 'b'])
    assert.deepEqual(listener.numbers, [2, 3])
    assert.equal(bench.endpoint.stats.notifications, 2)
    assert.deepEqual(bench.active, ['a', 'a', 'a'])
  })

  it('acknowledges a repeated confirmable notification again and delivers it once', async () => {
    const { bench, listener, token } = await observed()
    const notification: RawMessage = {
      type: CON,
      code: Code.CONTENT,
      mid: 9,
      token,
      options: [[Opt.OBSERVE, 3]],
      payload: 'b',
    }
    bench.expectReply(notification, '60000009')
    bench.clock.advance(130_000)
    bench.expectReply(notification, '60000009')
    assert.deepEqual(listener.values, ['b'])
  })

  describe('freshness (RFC 7641 §3.4)', () => {
    it('drops what is not newer, after acknowledging it', async () => {
      const { bench, listener, notify } = await observed(5)
      notify(5, 'same as the first')
      notify(6, 'six', { type: CON })
      notify(6, 'again', { type: CON })
      notify(4, 'old', { type: CON })
      notify(8, 'eight')
      assert.deepEqual(listener.values, ['six', 'eight'])
      assert.equal(bench.transport.take().length, 3)
      assert.equal(bench.endpoint.stats.stale, 3)
    })

    it('takes any number for newer after more than 128 seconds', async () => {
      const { bench, listener, notify } = await observed(500)
      bench.clock.advance(128_000)
      notify(3, 'still old')
      bench.clock.advance(1)
      notify(3, 'new')
      notify(2, 'old')
      assert.deepEqual(listener.values, ['new'])
    })

    it('wraps at 2^24', async () => {
      const { listener, notify } = await observed(0xfffffe)
      notify(0xffffff, 'a')
      notify(0, 'b')
      notify(0xffffff, 'old')
      notify(1, 'c')
      assert.deepEqual(listener.values, ['a', 'b', 'c'])
    })

    it('takes 0 for a first number', async () => {
      const { listener, notify } = await observed(0)
      notify(0, 'same')
      notify(1, 'a')
      assert.deepEqual(listener.values, ['a'])
    })

    it('follows the formula at its edges', () => {
      const half = 0x800000
      assert.deepEqual(
        [
          isNewer(half - 1, 0, 0),
          isNewer(half, 0, 0),
          isNewer(0, half + 1, 0),
          isNewer(0, half, 0),
          isNewer(7, 7, 128_000),
          isNewer(7, 7, 128_001),
        ],
        [true, false, true, false, false, true],
      )
    })

    it('takes a notification without a number for news', async () => {
      const { listener, relation, notify } = await observed()
      notify(undefined, 'a')
      assert.deepEqual([listener.values, relation.active], [['a'], true])
    })
  })

  it('ends with an error notification, which it hands over', async () => {
    const { bench, listener, relation, notify, token } = await observed()
    notify(undefined, '', { type: CON, code: Code.NOT_FOUND, mid: 77 })
    assert.equal(bench.transport.takeOne().toString('hex'), '6000004d')
    assert.deepEqual([listener.ends, relation.active], [['error 84'], false])
    // A repetition of it is acknowledged, anything else is unknown now.
    notify(undefined, '', { type: CON, code: Code.NOT_FOUND, mid: 77 })
    assert.equal(bench.transport.takeOne().toString('hex'), '6000004d')
    bench.expectReply({ type: CON, code: Code.CONTENT, mid: 78, token }, '7000004e')
    assert.deepEqual([listener.ends, listener.values], [['error 84'], []])
  })

  it('keeps relations of equal tokens on different peers apart', async () => {
    const bench = await Bench.start()
    const listeners = ['a', 'b', 'c'].map((id) => {
      const listener = new Listener()
      bench.endpoint.adopt(memoryPeer(id), INIT, Buffer.from('77', 'hex'), listener)
      return listener
    })
    const notify = (id: string): void =>
      bench.deliver(
        {
          type: NON,
          code: Code.CONTENT,
          mid: 1,
          token: '77',
          options: [[Opt.OBSERVE, 1]],
          payload: id,
        },
        memoryPeer(id),
      )
    for (const id of ['b', 'c', 'a']) notify(id)
    assert.deepEqual(
      listeners.map(({ values }) => values),
      [['a'], ['b'], ['c']],
    )
    bench.endpoint.abort(memoryPeer('b'), 'gone')
    notify('b')
    assert.equal(bench.transport.takeOne().toString('hex'), '70000001')
    notify('a')
    bench.nothingSent()
  })

  it('survives a listener that throws', async () => {
    const { bench, listener, notify } = await observed()
    const fail = (): never => {
      throw new Error('broken')
    }
    listener.onNotification = fail
    listener.onEnd = fail
    notify(2, 'a', { type: CON, mid: 5 })
    assert.equal(bench.transport.takeOne().toString('hex'), '60000005')
    notify(undefined, '', { code: Code.NOT_FOUND })
    assert.deepEqual(
      bench.warnings.map(({ code }) => code),
      ['listener-failed', 'listener-failed'],
    )
  })

  describe('cancelling', () => {
    it('asks with Observe 1 and the same token, and is deaf at once (RFC 7641 §3.6)', async () => {
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
      // A notification that was on its way is no answer to the cancellation.
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

    it('takes a separate response without a number for its answer', async () => {
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

    it('fetches the rest of a large last value, so that the peer is done with it', async () => {
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

    it('is cancelled also when the rest of the last value does not come', async () => {
      const { bench, relation } = await observed()
      const promise = relation.cancel()
      bench.deliver(firstBlock(bench.sent()))
      bench.clock.advance(200_000)
      assert.equal((await promise).payload.toString(), 'a'.repeat(16))
      assert.equal(relation.active, false)
    })

    it('is cancelled also when the last value is larger than what is accepted', async () => {
      const { bench, relation } = await observed(1, { maxBody: 20 })
      const promise = relation.cancel()
      const request = bench.sent()
      const { mid, token, options = [], ...rest } = firstBlock(request)
      bench.deliver({ ...rest, mid, token, options: [...options, [Opt.SIZE2, 21]] })
      assert.equal((await promise).payload.toString(), 'a'.repeat(16))
      bench.nothingSent()
    })

    it('repeats the query of the registration unless told otherwise', async () => {
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

    it('forgets the relation also when the peer does not answer', async () => {
      const { bench, relation, token } = await observed()
      const failure = rejection(relation.cancel({ maxRetransmit: 0 }))
      bench.transport.take()
      bench.clock.advance(2000)
      assert.equal((await failure).code, 'timeout')
      bench.expectReply({ type: CON, code: Code.CONTENT, mid: 6, token }, '70000006')
    })

    it('passively: the next notification is rejected', async () => {
      const { bench, listener, relation, token } = await observed()
      relation.forget()
      assert.equal(relation.active, false)
      bench.expectReply(
        { type: NON, code: Code.CONTENT, mid: 6, token, options: [[Opt.OBSERVE, 3]] },
        '70000006',
      )
      assert.deepEqual([listener.values, listener.ends], [[], []])
    })
  })

  it('observes by FETCH and cancels with exactly the same list', async () => {
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

  it('observes with a list that takes several blocks, all under the relation’s token', async () => {
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

    it('fetches the rest by GET without Observe under new tokens, and delivers once', async () => {
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

    it('lets a newer notification abort the older fetch', async () => {
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

    it('keeps the relation when a sleeping device never sends the last block', async () => {
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

    it('keeps the relation when the fetch is answered with an error or nonsense', async () => {
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

    it('fetches before the requests that wait for the peer', async () => {
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

    it('fetches a first answer under new tokens too', async () => {
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

    it('takes a newer notification for the first answer while that is fetched', async () => {
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

    it('stands without a first answer when a later block of it is lost', async () => {
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

    it('fetches the rest of a FETCH notification by FETCH with the same list', async () => {
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

  describe('relations from before a restart', () => {
    it('accepts any number first, and can be cancelled with its token', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const relation = bench.endpoint.adopt(bench.peer, INIT, Buffer.from('c0de', 'hex'), listener)
      assert.deepEqual([relation.active, relation.first], [true, undefined])
      const notify = (observe: number, payload: string, mid: number): void =>
        bench.deliver({
          type: NON,
          code: Code.CONTENT,
          mid,
          token: 'c0de',
          options: [[Opt.OBSERVE, observe]],
          payload,
        })
      notify(0, 'a', 1)
      notify(0, 'same', 2)
      notify(1, 'b', 3)
      assert.deepEqual(listener.values, ['a', 'b'])
      const cancelled = relation.cancel()
      const request = bench.sent()
      assert.deepEqual([request.token, optionNumber(request, Opt.OBSERVE)], ['c0de', 1])
      bench.deliver({ type: ACK, code: Code.CONTENT, mid: request.mid, token: 'c0de' })
      await cancelled
    })

    it('gives way when the same token registers anew', async () => {
      const bench = await Bench.start()
      const token = Buffer.from('c0de', 'hex')
      const old = new Listener()
      const fresh = new Listener()
      bench.endpoint.adopt(bench.peer, INIT, token, old)
      const promise = bench.endpoint.observe(bench.peer, { ...INIT, token }, fresh)
      const request = bench.sent()
      assert.equal(request.token, 'c0de')
      bench.deliver({
        type: ACK,
        code: Code.CONTENT,
        mid: request.mid,
        token: 'c0de',
        options: [[Opt.OBSERVE, 5]],
      })
      const relation = await promise
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: 1,
        token: 'c0de',
        options: [[Opt.OBSERVE, 6]],
        payload: 'x',
      })
      assert.deepEqual([old.values, fresh.values], [[], ['x']])
      relation.forget()
      bench.expectReply({ type: CON, code: Code.CONTENT, mid: 2, token: 'c0de' }, '70000002')
    })

    it('refuses what is no token', async () => {
      const bench = await Bench.start()
      for (const token of [Buffer.alloc(0), Buffer.alloc(9)]) {
        assert.throws(
          () => bench.endpoint.adopt(bench.peer, INIT, token, new Listener()),
          RangeError,
        )
      }
    })
  })

  describe('the end of the peer', () => {
    it('ends relations when the transport loses it, it is aborted, or the endpoint stops', async () => {
      const lost = await observed()
      lost.bench.transport.lose(lost.bench.peer, 'closed')
      assert.deepEqual([lost.listener.ends, lost.relation.active], [['gone'], false])

      const aborted = await observed()
      aborted.bench.endpoint.abort(aborted.bench.peer, 'registered anew')
      assert.deepEqual(aborted.listener.ends, ['gone'])
      aborted.notify(2, 'late')
      assert.deepEqual(aborted.listener.values, [])

      const stopped = await observed()
      await stopped.bench.endpoint.stop()
      assert.deepEqual(stopped.listener.ends, ['stopped'])
    })

    it('cancels the registration that is under way when it is aborted', async () => {
      const bench = await Bench.start()
      const failure = rejection(bench.endpoint.observe(bench.peer, INIT, new Listener()))
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
      bench.transport.take()
      bench.endpoint.abort(bench.peer, 'x')
      assert.equal((await failure).code, 'cancelled')
      bench.expectReply({ type: CON, code: Code.CONTENT, mid: 2, token: request.token }, '70000002')
    })

    it('follows a device that moves', async () => {
      const { bench, listener, notify, token } = await observed()
      const to = memoryPeer('moved')
      bench.endpoint.migrate(bench.peer, to)
      bench.deliver(
        {
          type: CON,
          code: Code.CONTENT,
          mid: 1,
          token,
          options: [[Opt.OBSERVE, 2]],
          payload: 'x',
        },
        to,
      )
      assert.equal(bench.transport.sent[0]?.peer.id, 'moved')
      assert.equal(bench.transport.takeOne().toString('hex'), '60000001')
      assert.deepEqual(listener.values, ['x'])
      notify(3, 'from the old address')
      assert.deepEqual(listener.values, ['x'])
    })

    it('follows a device that moves while it registers', async () => {
      const bench = await Bench.start()
      const listener = new Listener()
      const promise = bench.endpoint.observe(bench.peer, INIT, listener)
      const { mid, token } = bench.sent()
      const to = memoryPeer('moved')
      bench.endpoint.migrate(bench.peer, to)
      const options: RawMessage['options'] = [[Opt.OBSERVE, 1]]
      bench.deliver({ type: ACK, code: Code.CONTENT, mid, token, options }, to)
      assert.equal((await promise).peer.id, 'moved')
      bench.deliver(
        { type: NON, code: Code.CONTENT, mid: 1, token, options: [[Opt.OBSERVE, 2]], payload: 'x' },
        to,
      )
      assert.deepEqual(listener.values, ['x'])
    })
  })
})
