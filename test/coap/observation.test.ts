import assert from 'node:assert/strict'
import { Code, type CoapReply, type ObservationHandle } from '../../src/coap'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import {
  ACK,
  CON,
  NON,
  Opt,
  RST,
  optionNumber,
  type RawMessage,
  type ReadMessage,
} from '../support/raw-coap'

const block = (num: number, more: boolean, szx: number): number => num * 16 + (more ? 8 : 0) + szx
const value = (payload: string): CoapReply => ({
  code: Code.CONTENT,
  contentFormat: 0,
  payload: Buffer.from(payload),
})

/** An endpoint that accepts every observation. */
class Observed {
  readonly handles: ObservationHandle[] = []
  readonly ends: string[] = []
  private mid = 0

  private constructor(readonly bench: Bench) {}

  static async start(reply: CoapReply = value('first'), options = {}): Promise<Observed> {
    const observed = new Observed(await Bench.start(options))
    observed.bench.endpoint.onRequest = (request) => {
      if (request.observe === 0) {
        const handle = request.acceptObservation()
        const name = observed.handles.push(handle)
        handle.onEnd = (reason) => observed.ends.push(`${name} ${reason}`)
      } else if (request.observe === 1) {
        observed.ends.push(`answer ${request.cancelObservation()}`)
      }
      return reply
    }
    return observed
  }

  ask(observe: number | undefined, extra: Partial<RawMessage> = {}, id = 'a'): ReadMessage {
    this.bench.deliver(
      {
        type: CON,
        code: Code.GET,
        mid: ++this.mid,
        token: '0a',
        options: [
          ...(observe === undefined ? [] : [[Opt.OBSERVE, observe] as const]),
          [Opt.URI_PATH, '3'],
        ],
        ...extra,
      },
      memoryPeer(id),
    )
    return this.bench.sent()
  }

  get handle(): ObservationHandle {
    return this.handles.at(-1) as ObservationHandle
  }

  sent(): ReadMessage {
    return this.bench.sent()
  }
}

describe('CoAP observe: server role', () => {
  it('numbers its response and each notification, with the token of the request', async () => {
    const observed = await Observed.start()
    const first = observed.ask(0)
    assert.deepEqual(
      [first.type, first.code, optionNumber(first, Opt.OBSERVE), first.payload.toString()],
      [ACK, Code.CONTENT, 1, 'first'],
    )
    await observed.handle.notify(value('second'))
    const second = observed.sent()
    assert.deepEqual(
      [
        second.type,
        second.code,
        second.token,
        optionNumber(second, Opt.OBSERVE),
        optionNumber(second, Opt.CONTENT_FORMAT),
        second.payload.toString(),
      ],
      [NON, Code.CONTENT, '0a', 2, 0, 'second'],
    )
    assert.deepEqual(
      [Buffer.from(observed.handle.token).toString('hex'), observed.handle.peer.id],
      ['0a', 'a'],
    )
  })

  it('sends no number if the handler does not accept the observation', async () => {
    const observed = await Observed.start()
    observed.bench.endpoint.onRequest = () => value('x')
    assert.equal(optionNumber(observed.ask(0), Opt.OBSERVE), undefined)
  })

  it('retransmits a confirmable notification until its ACK', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    let acknowledged = false
    const promise = observed.handle
      .notify(value('x'), { confirmable: true })
      .then(() => (acknowledged = true))
    const { mid, type } = observed.sent()
    assert.equal(type, CON)
    observed.bench.clock.advance(2000)
    assert.equal(observed.sent().mid, mid)
    assert.equal(acknowledged, false)
    observed.bench.deliver({ type: ACK, code: 0, mid })
    await promise
    observed.bench.clock.advance(100_000)
    observed.bench.nothingSent()
  })

  it('has one confirmable notification outstanding; only the newest queued one follows', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const promises = ['1', '2', '3'].map((payload) =>
      observed.handle.notify(value(payload), { confirmable: true }),
    )
    const first = observed.sent()
    // Superseded ones have nothing more to wait for.
    await promises[1]
    observed.bench.deliver({ type: ACK, code: 0, mid: first.mid })
    const third = observed.sent()
    assert.deepEqual(
      [first.payload.toString(), third.payload.toString(), optionNumber(third, Opt.OBSERVE)],
      ['1', '3', 3],
    )
    observed.bench.deliver({ type: ACK, code: 0, mid: third.mid })
    await Promise.all(promises)
  })

  it('sends a confirmable notification at least every 24 hours (RFC 7641 §4.5)', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const day = 24 * 3600 * 1000
    observed.bench.clock.advance(day - 1)
    void observed.handle.notify(value('a'))
    assert.equal(observed.sent().type, NON)
    observed.bench.clock.advance(1)
    void observed.handle.notify(value('b'))
    const { type, mid } = observed.sent()
    assert.equal(type, CON)
    observed.bench.deliver({ type: ACK, code: 0, mid })
    void observed.handle.notify(value('c'))
    assert.equal(observed.sent().type, NON)
  })

  it('wraps its number at 2^24', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const internal = observed.handle as unknown as { number: number }
    internal.number = 0xfffffe
    const numbers: (number | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      void observed.handle.notify(value('x'))
      numbers.push(optionNumber(observed.sent(), Opt.OBSERVE))
    }
    assert.deepEqual(numbers, [0xffffff, 0, 1])
  })

  describe('ends', () => {
    it('by Observe 1 with the same token', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      const answer = observed.ask(1)
      assert.deepEqual([answer.code, optionNumber(answer, Opt.OBSERVE)], [Code.CONTENT, undefined])
      assert.deepEqual(observed.ends, ['1 cancelled', 'answer true'])
      assert.equal(observed.handle.ended, true)
      assert.equal((await rejection(observed.handle.notify(value('x')))).name, 'CoapCancelled')
      observed.bench.nothingSent()
    })

    it('not by Observe 1 with another token or of another peer', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      observed.ask(1, { token: '0b' })
      observed.ask(1, {}, 'b')
      assert.deepEqual(observed.ends, ['answer false', 'answer false'])
      assert.equal(observed.handle.ended, false)
    })

    it('by RST on a confirmable notification', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      const failure = rejection(observed.handle.notify(value('x'), { confirmable: true }))
      observed.bench.deliver({ type: RST, code: 0, mid: observed.sent().mid })
      assert.equal((await failure).code, 'reset')
      assert.deepEqual(observed.ends, ['1 reset'])
    })

    it('by RST on one of the last non-confirmable notifications', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      observed.ask(0, { token: '0b' })
      const [first, second] = observed.handles
      assert.ok(first && second)
      void first.notify(value('x'))
      const { mid } = observed.sent()
      void first.notify(value('y'))
      void second.notify(value('z'))
      observed.bench.transport.take()
      observed.bench.deliver({ type: RST, code: 0, mid: (mid + 100) & 0xffff })
      assert.deepEqual(observed.ends, [])
      observed.bench.deliver({ type: RST, code: 0, mid })
      assert.deepEqual(observed.ends, ['1 reset'])
      assert.deepEqual([first.ended, second.ended], [true, false])
    })

    it('without acknowledgement, rejecting queued notifications too', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      const failures = [1, 2].map(() =>
        rejection(observed.handle.notify(value('x'), { confirmable: true })),
      )
      observed.bench.clock.advance(62_000)
      for (const failure of failures) assert.equal((await failure).code, 'timeout')
      assert.deepEqual(observed.ends, ['1 timeout'])
    })

    it('with an error notification, which has no number (RFC 7641 §4.2)', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      await observed.handle.notify({ code: Code.NOT_FOUND })
      const last = observed.sent()
      assert.deepEqual([last.code, optionNumber(last, Opt.OBSERVE)], [Code.NOT_FOUND, undefined])
      assert.equal(observed.handle.ended, true)
      assert.deepEqual(observed.ends, [])

      observed.ask(0)
      const promise = observed.handle.notify({ code: Code.NOT_FOUND }, { confirmable: true })
      observed.bench.deliver({ type: ACK, code: 0, mid: observed.sent().mid })
      await promise
      assert.equal(observed.handle.ended, true)
    })

    it('if the request is answered with an error', async () => {
      const observed = await Observed.start({ code: Code.NOT_FOUND })
      assert.equal(optionNumber(observed.ask(0), Opt.OBSERVE), undefined)
      assert.deepEqual(observed.ends, ['1 error'])
    })

    it('when the same token is used again, continuing its numbers', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      void observed.handle.notify(value('x'))
      observed.bench.transport.take()
      assert.equal(optionNumber(observed.ask(0), Opt.OBSERVE), 3)
      assert.deepEqual(observed.ends, ['1 replaced'])
      assert.equal(observed.handle.ended, false)
    })

    it('when the peer is gone or the endpoint stops', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      observed.bench.transport.lose(memoryPeer('a'), 'closed')
      assert.deepEqual(observed.ends, ['1 gone'])
      observed.ask(0, {}, 'b')
      await observed.bench.endpoint.stop()
      assert.deepEqual(observed.ends, ['1 gone', '2 gone'])
    })

    it('when a notification cannot be sent', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      observed.bench.transport.close(memoryPeer('a'))
      assert.equal((await rejection(observed.handle.notify(value('x')))).code, 'peer-gone')
      assert.deepEqual(observed.ends, ['1 gone'])
    })

    it('without a callback by its own end()', async () => {
      const observed = await Observed.start()
      observed.ask(0)
      const failure = rejection(observed.handle.notify(value('x'), { confirmable: true }))
      observed.handle.end()
      assert.equal((await failure).code, 'cancelled')
      observed.bench.transport.take()
      observed.bench.clock.advance(100_000)
      observed.bench.nothingSent()
      assert.deepEqual(observed.ends, [])
    })
  })

  it('causes no unhandled rejection if the outcome of a notification is ignored', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const unhandled: unknown[] = []
    const listen = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', listen)
    void observed.handle.notify(value('x'), { confirmable: true })
    observed.handle.end()
    void observed.handle.notify(value('y'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listen)
    assert.deepEqual(unhandled, [])
  })

  it('sends the first block of a large notification and serves the rest by GET', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const payload = 'x'.repeat(1024) + 'y'.repeat(10)
    void observed.handle.notify(value(payload))
    const first = observed.sent()
    assert.deepEqual(
      [optionNumber(first, Opt.OBSERVE), optionNumber(first, Opt.BLOCK2), first.payload.length],
      [2, block(0, true, 6), 1024],
    )
    const rest = observed.ask(undefined, {
      token: 'ff',
      options: [
        [Opt.URI_PATH, '3'],
        [Opt.BLOCK2, block(1, false, 6)],
      ],
    })
    assert.deepEqual(
      [rest.payload.toString(), optionNumber(rest, Opt.BLOCK2), optionNumber(rest, Opt.OBSERVE)],
      ['y'.repeat(10), block(1, false, 6), undefined],
    )
  })

  it('uses the block size of the observe request', async () => {
    const observed = await Observed.start()
    observed.ask(0, {
      options: [
        [Opt.OBSERVE, 0],
        [Opt.URI_PATH, '3'],
        [Opt.BLOCK2, block(0, false, 1)],
      ],
    })
    void observed.handle.notify(value('x'.repeat(40)))
    assert.equal(observed.sent().payload.length, 32)
  })

  it('follows an observer that moves', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    const to = memoryPeer('moved')
    observed.bench.endpoint.migrate(memoryPeer('a'), to)
    void observed.handle.notify(value('x'))
    assert.equal(observed.bench.transport.sent[0]?.peer.id, 'moved')
    observed.bench.transport.take()
    observed.ask(1, {}, 'moved')
    assert.deepEqual(observed.ends, ['1 cancelled', 'answer true'])
  })

  it('ignores Observe with methods other than GET and FETCH', async () => {
    const observed = await Observed.start()
    observed.ask(0, { code: Code.POST })
    observed.ask(0, { code: Code.FETCH })
    assert.equal(observed.handles.length, 1)
  })

  it('limits the observations of an unregistered peer, not those of a registered one', async () => {
    const observed = await Observed.start()
    observed.bench.endpoint.pin(memoryPeer('known'), true)
    for (let i = 0; i < 70; i++) {
      const token = i.toString(16).padStart(4, '0')
      observed.ask(0, { token }, 'unregistered')
      observed.ask(0, { token }, 'known')
    }
    assert.deepEqual(
      observed.ends,
      [1, 3, 5, 7, 9, 11].map((name) => `${name} replaced`),
    )
  })

  it('keeps an unregistered peer that observes', async () => {
    const observed = await Observed.start()
    observed.ask(0)
    observed.bench.clock.advance(1_000_000)
    assert.equal(observed.bench.endpoint.stats.peers, 1)
    observed.handle.end()
    observed.bench.clock.advance(1_000_000)
    assert.equal(observed.bench.endpoint.stats.peers, 0)
  })
})
