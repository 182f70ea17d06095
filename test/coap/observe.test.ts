import assert from 'node:assert/strict'
import { Code } from '../../src/coap'
import { isNewer } from '../../src/coap/observe/relation'
import { block } from './support/blocks'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { INIT, Listener, observed } from './support/observed'
import { ACK, CON, NON, Opt, optionNumber, optionTexts, type RawMessage } from '../support/raw-coap'

describe('CoAP observe: client role', () => {
  it('sends Observe 0 and returns the first response separately from the notifications', async () => {
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

  it('is inactive if the peer answers without Observe, or with an error', async () => {
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

  it('rejects with the errors of a request', async () => {
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
    it('drops notifications that are not newer, after acknowledging them', async () => {
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

    it('accepts any number after more than 128 seconds', async () => {
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

    it('accepts 0 as the first number', async () => {
      const { listener, notify } = await observed(0)
      notify(0, 'same')
      notify(1, 'a')
      assert.deepEqual(listener.values, ['a'])
    })

    it('follows the formula at its limits', () => {
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

    it('accepts a notification without a number as new', async () => {
      const { listener, relation, notify } = await observed()
      notify(undefined, 'a')
      assert.deepEqual([listener.values, relation.active], [['a'], true])
    })
  })

  it('ends with an error notification, and delivers it', async () => {
    const { bench, listener, relation, notify, token } = await observed()
    notify(undefined, '', { type: CON, code: Code.NOT_FOUND, mid: 77 })
    assert.equal(bench.transport.takeOne().toString('hex'), '6000004d')
    assert.deepEqual([listener.ends, relation.active], [['error 84'], false])
    // A retransmission of it is acknowledged, anything else is unknown now.
    notify(undefined, '', { type: CON, code: Code.NOT_FOUND, mid: 77 })
    assert.equal(bench.transport.takeOne().toString('hex'), '6000004d')
    bench.expectReply({ type: CON, code: Code.CONTENT, mid: 78, token }, '7000004e')
    assert.deepEqual([listener.ends, listener.values], [['error 84'], []])
  })

  it('distinguishes observations with equal tokens on different peers', async () => {
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

  it('continues after a listener that throws', async () => {
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

  describe('observations from before a restart', () => {
    it('accept any first number, and can be cancelled with their token', async () => {
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

    it('are replaced by a new observation with the same token', async () => {
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

    it('reject an invalid token', async () => {
      const bench = await Bench.start()
      for (const token of [Buffer.alloc(0), Buffer.alloc(9)]) {
        assert.throws(
          () => bench.endpoint.adopt(bench.peer, INIT, token, new Listener()),
          RangeError,
        )
      }
    })
  })

  describe('end of the peer', () => {
    it('ends observations when the transport loses it, it is aborted, or the endpoint stops', async () => {
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

    it('cancels the pending observe request when it is aborted', async () => {
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

    it('follows a device that moves during the observe request', async () => {
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
