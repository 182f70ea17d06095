import assert from 'node:assert/strict'
import { Code, type CoapRequestInit } from '../../src/coap'
import { SIZE1, block, body } from './support/blocks'
import { Bench, rejection } from './support/bench'
import { ACK, Opt, optionNumber, type RawMessage, type ReadMessage } from '../support/raw-coap'

describe('block-wise: sent request bodies (Block1)', () => {
  const start = (bench: Bench, payload: Buffer, extra: Partial<CoapRequestInit> = {}) =>
    bench.endpoint.request(bench.peer, { code: Code.PUT, path: ['5', '0', '0'], payload, ...extra })

  /** Answers the block that was sent. */
  const answer = (
    bench: Bench,
    code: number,
    options: (request: ReadMessage) => RawMessage['options'] = () => [],
  ): ReadMessage => {
    const request = bench.sent()
    const { mid, token } = request
    bench.deliver({ type: ACK, code, mid, token, options: options(request) })
    return request
  }

  const echo = (request: ReadMessage): RawMessage['options'] => [
    [Opt.BLOCK1, optionNumber(request, Opt.BLOCK1) ?? 0],
  ]

  it('sends one block after the other, the size with the first, and reports progress', async () => {
    const bench = await Bench.start()
    const whole = body(2500)
    const progress: number[][] = []
    const promise = start(bench, whole, {
      contentFormat: 42,
      onProgress: (sent, total) => progress.push([sent, total]),
    })
    const first = answer(bench, Code.CONTINUE, echo)
    const second = answer(bench, Code.CONTINUE, echo)
    const third = answer(bench, Code.CHANGED, echo)
    assert.equal((await promise).code, Code.CHANGED)
    assert.deepEqual(
      [first, second, third].map((request) => [
        optionNumber(request, Opt.BLOCK1),
        optionNumber(request, SIZE1),
        optionNumber(request, Opt.CONTENT_FORMAT),
      ]),
      [
        [block(0, true, 6), 2500, 42],
        [block(1, true, 6), undefined, 42],
        [block(2, false, 6), undefined, 42],
      ],
    )
    assert.deepEqual(Buffer.concat([first.payload, second.payload, third.payload]), whole)
    assert.deepEqual(progress, [
      [1024, 2500],
      [2048, 2500],
      [2500, 2500],
    ])
    // One token for all, a Message-ID each.
    assert.equal(new Set([first, second, third].map(({ token }) => token)).size, 1)
    assert.equal(new Set([first, second, third].map(({ mid }) => mid)).size, 3)
  })

  it('honours a smaller size in 2.31', async () => {
    const bench = await Bench.start()
    const whole = body(1500)
    const promise = start(bench, whole)
    const parts = [answer(bench, Code.CONTINUE, () => [[Opt.BLOCK1, block(0, true, 4)]])]
    for (const num of [4, 5]) {
      const request = answer(bench, num === 5 ? Code.CHANGED : Code.CONTINUE, echo)
      assert.equal(optionNumber(request, Opt.BLOCK1), block(num, num === 4, 4))
      parts.push(request)
    }
    await promise
    assert.deepEqual(Buffer.concat(parts.map(({ payload }) => payload)), whole)
    // The next body to this peer begins with the size it chose.
    const next = start(bench, body(300))
    assert.equal(optionNumber(answer(bench, Code.CONTINUE, echo), Opt.BLOCK1), block(0, true, 4))
    answer(bench, Code.CHANGED, echo)
    await next
  })

  it('restarts with the smaller size suggested by a 4.13, also in the middle', async () => {
    const bench = await Bench.start()
    const whole = body(2100)
    const promise = start(bench, whole)
    answer(bench, Code.CONTINUE, echo)
    answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(1, true, 5)]])
    const parts: Buffer[] = []
    for (let num = 0; num < 5; num++) {
      const request = answer(bench, num === 4 ? Code.CHANGED : Code.CONTINUE, echo)
      assert.equal(optionNumber(request, Opt.BLOCK1), block(num, num < 4, 5))
      parts.push(request.payload)
    }
    await promise
    assert.deepEqual(Buffer.concat(parts), whole)
  })

  it('switches to blocks when a 4.13 to a whole body suggests a size', async () => {
    const bench = await Bench.start()
    const whole = body(100)
    const promise = start(bench, whole)
    assert.equal(
      optionNumber(
        answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(0, false, 2)]]),
        Opt.BLOCK1,
      ),
      undefined,
    )
    assert.equal(answer(bench, Code.CONTINUE, echo).payload.length, 64)
    assert.equal(answer(bench, Code.CHANGED, echo).payload.length, 36)
    await promise
  })

  it('returns a 4.13 with the reserved size exponent 7 as the response', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(3000), { blockSize: 1024 })
    answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(0, true, 7)]])
    assert.equal((await promise).code, Code.REQUEST_ENTITY_TOO_LARGE)
    const whole = start(bench, body(1000))
    answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(0, true, 7)]])
    assert.equal((await whole).code, Code.REQUEST_ENTITY_TOO_LARGE)
    bench.nothingSent()
  })

  it('returns a 4.13 without a smaller size as the response, however often the same is suggested', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(2000))
    answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(0, true, 5)]])
    answer(bench, Code.REQUEST_ENTITY_TOO_LARGE, () => [[Opt.BLOCK1, block(0, true, 5)]])
    assert.equal((await promise).code, 0x8d)
    bench.nothingSent()
  })

  it('stops at an error code', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(5000))
    answer(bench, Code.CONTINUE, echo)
    answer(bench, Code.REQUEST_ENTITY_INCOMPLETE)
    assert.equal((await promise).code, 0x88)
    bench.nothingSent()
  })

  it('continues when each block is processed separately (RFC 7959 §2.3)', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(2000))
    answer(bench, Code.CHANGED, () => [[Opt.BLOCK1, block(0, false, 6)]])
    answer(bench, Code.CHANGED, echo)
    assert.equal((await promise).code, Code.CHANGED)
  })

  for (const [what, code, options] of [
    ['a final answer before the last block', Code.CHANGED, []],
    ['an answer to another block', Code.CONTINUE, [[Opt.BLOCK1, block(1, true, 6)]]],
  ] as [string, number, RawMessage['options']][]) {
    it(`fails on ${what}`, async () => {
      const bench = await Bench.start()
      const failure = rejection(start(bench, body(2000)))
      answer(bench, code, () => options)
      assert.equal((await failure).code, 'blockwise')
      bench.nothingSent()
    })
  }

  it('fails on 2.31 for the last block or a whole body', async () => {
    const bench = await Bench.start()
    const last = rejection(start(bench, body(2000)))
    answer(bench, Code.CONTINUE, echo)
    answer(bench, Code.CONTINUE, echo)
    assert.equal((await last).code, 'blockwise')
    const whole = rejection(start(bench, body(10)))
    answer(bench, Code.CONTINUE)
    assert.equal((await whole).code, 'blockwise')
  })

  it('applies the timeout to each block, not to the body', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(10_240), { responseTimeout: 30_000 })
    for (let i = 0; i < 10; i++) {
      bench.clock.advance(1900)
      const { mid, token, ...rest } = bench.sent()
      bench.deliver({ type: ACK, code: 0, mid })
      bench.clock.advance(20_000)
      bench.deliver({
        type: 1,
        code: i === 9 ? Code.CHANGED : Code.CONTINUE,
        mid: i,
        token,
        options: echo({ mid, token, ...rest }),
      })
    }
    assert.equal((await promise).code, Code.CHANGED)
    const failure = rejection(start(bench, body(2048), { responseTimeout: 30_000 }))
    answer(bench, Code.CONTINUE, echo)
    bench.deliver({ type: ACK, code: 0, mid: bench.sent().mid })
    bench.clock.advance(30_000)
    assert.equal((await failure).code, 'response-timeout')
  })

  it('sends no other request to the peer before the whole body is sent', async () => {
    const bench = await Bench.start()
    const upload = start(bench, body(2000))
    const other = bench.endpoint.request(bench.peer, { code: Code.GET })
    answer(bench, Code.CONTINUE, echo)
    assert.equal(answer(bench, Code.CHANGED, echo).code, Code.PUT)
    assert.equal(answer(bench, Code.CONTENT).code, Code.GET)
    await Promise.all([upload, other])
  })

  it('can be aborted between blocks, also from its progress callback', async () => {
    const bench = await Bench.start()
    const controller = new AbortController()
    const failure = rejection(
      start(bench, body(5000), {
        signal: controller.signal,
        onProgress: (sent) => {
          if (sent === 2048) controller.abort()
        },
      }),
    )
    answer(bench, Code.CONTINUE, echo)
    answer(bench, Code.CONTINUE, echo)
    assert.equal((await failure).code, 'cancelled')
    bench.nothingSent()
  })

  it('uses the block size of the request', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(40), { blockSize: 32 })
    assert.equal(optionNumber(answer(bench, Code.CONTINUE, echo), Opt.BLOCK1), block(0, true, 1))
    answer(bench, Code.CHANGED, echo)
    await promise
  })

  it('rejects a body with more blocks than there are numbers, before it sends any', async () => {
    const bench = await Bench.start()
    const failure = rejection(start(bench, Buffer.alloc((1 << 24) + 1), { blockSize: 16 }))
    assert.equal((await failure).code, 'blockwise')
    bench.nothingSent()
  })
})
