import assert from 'node:assert/strict'
import { Code, type CoapRequestInit } from '../../src/coap'
import { SIZE2, ETAG, block, body, part } from './support/blocks'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { ACK, Opt, optionNumber, type RawMessage, type ReadMessage } from '../support/raw-coap'

describe('block-wise: received response bodies (Block2)', () => {
  const GET: CoapRequestInit = { code: Code.GET, path: ['3'] }

  const answer = (
    bench: Bench,
    payload: Buffer,
    options: RawMessage['options'],
    code: number = Code.CONTENT,
  ): ReadMessage => {
    const request = bench.sent()
    const { mid, token } = request
    bench.deliver({ type: ACK, code, mid, token, options, payload })
    return request
  }

  /** Answers with block `num` of a body. */
  const answerBlock = (
    bench: Bench,
    whole: Buffer,
    num: number,
    szx: number,
    extra: RawMessage['options'] = [],
  ): ReadMessage =>
    answer(bench, part(whole, num, szx), [
      ...extra,
      [Opt.BLOCK2, block(num, (num + 1) << (szx + 4) < whole.length, szx)],
    ])

  it('requests block after block and returns the whole body with the options of the first message', async () => {
    const bench = await Bench.start()
    const whole = body(2500)
    const promise = bench.endpoint.request(bench.peer, { ...GET, accept: 110 })
    const first = answerBlock(bench, whole, 0, 6, [[Opt.CONTENT_FORMAT, 110]])
    assert.equal(optionNumber(first, Opt.BLOCK2), undefined)
    const second = answerBlock(bench, whole, 1, 6)
    assert.deepEqual(
      [optionNumber(second, Opt.BLOCK2), optionNumber(second, Opt.ACCEPT), second.payload.length],
      [block(1, false, 6), 110, 0],
    )
    answerBlock(bench, whole, 2, 6)
    const response = await promise
    assert.deepEqual([response.payload, response.contentFormat], [whole, 110])
  })

  it('follows the smaller size of the response', async () => {
    const bench = await Bench.start()
    const whole = body(100)
    const promise = bench.endpoint.request(bench.peer, GET)
    answerBlock(bench, whole, 0, 1)
    assert.equal(optionNumber(answerBlock(bench, whole, 1, 1), Opt.BLOCK2), block(1, false, 1))
    // From 32 to 16 bytes: 64 bytes were received, so block 4 is next.
    assert.equal(
      optionNumber(
        answer(bench, whole.subarray(64, 80), [[Opt.BLOCK2, block(4, true, 0)]]),
        Opt.BLOCK2,
      ),
      block(2, false, 1),
    )
    assert.equal(
      optionNumber(
        answer(bench, whole.subarray(80, 96), [[Opt.BLOCK2, block(5, true, 0)]]),
        Opt.BLOCK2,
      ),
      block(5, false, 0),
    )
    answer(bench, whole.subarray(96), [[Opt.BLOCK2, block(6, false, 0)]])
    assert.deepEqual((await promise).payload, whole)
  })

  it('fetches the body again when the ETag changes in the middle', async () => {
    const bench = await Bench.start()
    const old = Buffer.alloc(2000, 1)
    const fresh = Buffer.alloc(2000, 2)
    const promise = bench.endpoint.request(bench.peer, GET)
    answerBlock(bench, old, 0, 6, [[ETAG, 1]])
    answerBlock(bench, fresh, 1, 6, [[ETAG, 2]])
    assert.equal(
      optionNumber(answerBlock(bench, fresh, 0, 6, [[ETAG, 2]]), Opt.BLOCK2),
      block(0, false, 6),
    )
    answerBlock(bench, fresh, 1, 6, [[ETAG, 2]])
    assert.deepEqual((await promise).payload, fresh)
  })

  it('gives up on a resource that changes with every block', async () => {
    const bench = await Bench.start()
    const failure = rejection(bench.endpoint.request(bench.peer, GET))
    const whole = body(2000)
    answerBlock(bench, whole, 0, 6, [[ETAG, 1]])
    for (let i = 2; i < 8; i += 2) {
      answerBlock(bench, whole, 1, 6, [[ETAG, i]])
      answerBlock(bench, whole, 0, 6, [[ETAG, i + 1]])
    }
    answerBlock(bench, whole, 1, 6, [[ETAG, 99]])
    assert.equal((await failure).code, 'blockwise')
    bench.nothingSent()
  })

  const broken: [string, Buffer, RawMessage['options']][] = [
    ['a block out of order', body(64), [[Opt.BLOCK2, block(2, true, 2)]]],
    ['a block too short', body(63), [[Opt.BLOCK2, block(1, true, 2)]]],
    ['a block too long', body(65), [[Opt.BLOCK2, block(1, false, 2)]]],
    ['an empty block with the M bit set', body(0), [[Opt.BLOCK2, block(1, true, 2)]]],
    ['a reserved size', body(64), [[Opt.BLOCK2, block(1, true, 7)]]],
    ['no Block2 option', body(64), []],
  ]
  for (const [what, payload, options] of broken) {
    it(`fails on ${what}`, async () => {
      const bench = await Bench.start()
      const failure = rejection(bench.endpoint.request(bench.peer, GET))
      answer(bench, body(64), [[Opt.BLOCK2, block(0, true, 2)]])
      answer(bench, payload, options)
      assert.equal((await failure).code, 'blockwise')
      bench.nothingSent()
    })
  }

  it('fails on a first block with another number', async () => {
    const bench = await Bench.start()
    for (const value of [block(1, true, 2), block(1, false, 2), block(0, true, 7)]) {
      const failure = rejection(bench.endpoint.request(bench.peer, GET))
      answer(bench, body(64), [[Opt.BLOCK2, value]])
      assert.equal((await failure).code, 'blockwise')
    }
  })

  it('returns an error response to a later block as the response', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, GET)
    answer(bench, body(64), [[Opt.BLOCK2, block(0, true, 2)]])
    answer(bench, Buffer.from('no'), [], Code.NOT_FOUND)
    assert.equal((await promise).code, Code.NOT_FOUND)
  })

  it('limits the body, announced or not, and the bodies of all peers together', async () => {
    const bench = await Bench.start({ maxBody: 100, maxBodies: 150 })
    const announced = rejection(bench.endpoint.request(bench.peer, GET))
    answer(bench, body(64), [
      [Opt.BLOCK2, block(0, true, 2)],
      [SIZE2, 101],
    ])
    assert.equal((await announced).code, 'blockwise')
    const grown = rejection(bench.endpoint.request(bench.peer, GET))
    answer(bench, body(64), [[Opt.BLOCK2, block(0, true, 2)]])
    answer(bench, body(64), [[Opt.BLOCK2, block(1, true, 2)]])
    assert.equal((await grown).code, 'blockwise')
    const failures = ['p', 'q', 'r'].map((id) => {
      const failure = rejection(bench.endpoint.request(memoryPeer(id), GET))
      const { mid, token } = bench.allSent().at(-1) as ReadMessage
      bench.deliver(
        {
          type: ACK,
          code: Code.CONTENT,
          mid,
          token,
          options: [[Opt.BLOCK2, block(0, true, 2)]],
          payload: body(64),
        },
        memoryPeer(id),
      )
      return failure
    })
    assert.match((await failures[2])?.message ?? '', /too many/)
    bench.nothingSent()
    const stopped = Promise.all(failures)
    await bench.endpoint.stop()
    await stopped
  })

  it('repeats the body of a FETCH for later blocks, unless it was itself sent in blocks', async () => {
    const bench = await Bench.start()
    const whole = body(1500)
    const small = bench.endpoint.request(bench.peer, { code: Code.FETCH, payload: body(10) })
    answerBlock(bench, whole, 0, 6)
    assert.deepEqual(answerBlock(bench, whole, 1, 6).payload, body(10))
    assert.deepEqual((await small).payload, whole)

    const large = bench.endpoint.request(bench.peer, { code: Code.FETCH, payload: body(1100) })
    answer(bench, body(0), [[Opt.BLOCK1, block(0, true, 6)]], Code.CONTINUE)
    answer(bench, part(whole, 0, 6), [
      [Opt.BLOCK2, block(0, true, 6)],
      [Opt.BLOCK1, block(1, false, 6)],
    ])
    const rest = answerBlock(bench, whole, 1, 6)
    assert.deepEqual(
      [rest.payload.length, optionNumber(rest, Opt.BLOCK1), rest.code],
      [0, undefined, Code.FETCH],
    )
    assert.deepEqual((await large).payload, whole)
  })

  it('never repeats the body of a POST', async () => {
    const bench = await Bench.start()
    const whole = body(1500)
    const promise = bench.endpoint.request(bench.peer, { code: Code.POST, payload: body(10) })
    answerBlock(bench, whole, 0, 6)
    assert.equal(answerBlock(bench, whole, 1, 6).payload.length, 0)
    assert.deepEqual((await promise).payload, whole)
  })
})
