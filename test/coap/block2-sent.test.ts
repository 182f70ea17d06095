import assert from 'node:assert/strict'
import { Code } from '../../src/coap'
import { SIZE2, ETAG, block, body, part } from './support/blocks'
import { Bench } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { CON, Opt, optionNumber, type RawMessage, type ReadMessage } from '../support/raw-coap'

describe('block-wise: sent response bodies (Block2)', () => {
  let mid = 0x2000
  const get = (
    path: string,
    num?: number,
    szx = 6,
    extra: Partial<RawMessage> = {},
  ): RawMessage => ({
    type: CON,
    code: Code.GET,
    mid: ++mid,
    token: mid.toString(16),
    options: [
      [Opt.URI_PATH, path],
      ...(num === undefined ? [] : [[Opt.BLOCK2, block(num, false, szx)] as const]),
    ],
    ...extra,
  })

  const fetchAll = (
    bench: Bench,
    path: string,
    szx?: number,
  ): { bodies: Buffer; etags: Set<string> } => {
    const parts: Buffer[] = []
    const etags = new Set<string>()
    for (let num = 0; ; num++) {
      bench.deliver(num === 0 && szx === undefined ? get(path) : get(path, num, szx))
      const answer = bench.sent()
      assert.equal(answer.code, Code.CONTENT)
      const option = optionNumber(answer, Opt.BLOCK2)
      assert.ok(option !== undefined)
      assert.equal(option >> 4, num)
      parts.push(answer.payload)
      etags.add(String(answer.options.find(([number]) => number === ETAG)?.[1].toString('hex')))
      if ((option & 8) === 0) return { bodies: Buffer.concat(parts), etags }
      assert.equal(answer.payload.length, 16 << (option & 7))
    }
  }

  it('sends the first block with the size, and keeps the body for later blocks', async () => {
    const bench = await Bench.start()
    let count = 0
    const whole = body(2500)
    bench.endpoint.onRequest = () => {
      count++
      return { code: Code.CONTENT, contentFormat: 42, payload: whole }
    }
    bench.deliver(get('x'))
    const first = bench.sent()
    assert.deepEqual(
      [optionNumber(first, Opt.BLOCK2), optionNumber(first, SIZE2), first.payload.length],
      [block(0, true, 6), 2500, 1024],
    )
    const { bodies, etags } = fetchAll(bench, 'x')
    assert.deepEqual(bodies, whole)
    assert.equal(etags.size, 1)
    assert.equal(count, 2)
  })

  it('sends all blocks of one state of the resource while it changes', async () => {
    const bench = await Bench.start()
    let state = 0
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: Buffer.alloc(3000, ++state) })
    const { bodies, etags } = fetchAll(bench, 'x')
    assert.deepEqual(bodies, Buffer.alloc(3000, 1))
    const next = fetchAll(bench, 'x')
    assert.deepEqual(next.bodies, Buffer.alloc(3000, 2))
    assert.notDeepEqual(next.etags, etags)
  })

  it('uses the smaller size that the request asks for, from the first block on', async () => {
    const bench = await Bench.start()
    const whole = body(200)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    assert.deepEqual(fetchAll(bench, 'x', 1).bodies, whole)
  })

  it('lets the client change to smaller blocks during the transfer', async () => {
    const bench = await Bench.start()
    const whole = body(3000)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    bench.deliver(get('x'))
    bench.sent()
    bench.deliver(get('x', 8, 3))
    const answer = bench.sent()
    assert.deepEqual(answer.payload, part(whole, 8, 3))
    assert.equal(optionNumber(answer, Opt.BLOCK2), block(8, true, 3))
  })

  it('uses its own smaller size', async () => {
    const bench = await Bench.start({ blockSize: 64 })
    const whole = body(200)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    bench.deliver(get('x'))
    assert.equal(optionNumber(bench.sent(), Opt.BLOCK2), block(0, true, 2))
  })

  it('keeps the ETag of the application', async () => {
    const bench = await Bench.start()
    bench.endpoint.onRequest = () => ({
      code: Code.CONTENT,
      etag: Buffer.from('e1', 'hex'),
      payload: body(2000),
    })
    assert.deepEqual([...fetchAll(bench, 'x').etags], ['e1'])
  })

  it('answers 4.00 to a block beyond the end and to szx 7', async () => {
    const bench = await Bench.start()
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: body(2000) })
    bench.deliver(get('x'))
    bench.sent()
    bench.deliver(get('x', 2))
    assert.equal(bench.sent().code, 0x80)
    bench.deliver(get('x', 0, 7))
    assert.equal(bench.sent().code, 0x80)
  })

  it('calls the handler again for a later block of a body that is no longer kept', async () => {
    const bench = await Bench.start()
    const whole = body(2000)
    let count = 0
    bench.endpoint.onRequest = () => {
      count++
      return { code: Code.CONTENT, payload: whole }
    }
    bench.deliver(get('x'))
    bench.sent()
    bench.clock.advance(247_000)
    bench.deliver(get('x', 1))
    assert.deepEqual(bench.sent().payload, part(whole, 1, 6))
    assert.equal(count, 2)
  })

  it('returns an error for a later block as an error', async () => {
    const bench = await Bench.start()
    bench.deliver(get('x', 1))
    assert.equal(bench.sent().code, Code.NOT_FOUND)
  })

  it('never processes a POST again for a later block', async () => {
    const bench = await Bench.start()
    let count = 0
    const whole = body(2000)
    bench.endpoint.onRequest = () => {
      count++
      return { code: Code.CHANGED, payload: whole }
    }
    const post = { code: Code.POST }
    bench.deliver(get('x', undefined, 6, { ...post, payload: 'act' }))
    assert.deepEqual(bench.sent().payload, part(whole, 0, 6))
    bench.deliver(get('x', 1, 6, post))
    assert.deepEqual(bench.sent().payload, part(whole, 1, 6))
    assert.equal(count, 1)
    bench.clock.advance(247_000)
    bench.deliver(get('x', 1, 6, post))
    assert.equal(bench.sent().code, 0x88)
    assert.equal(count, 1)
  })

  it('distinguishes FETCH bodies by their payload, if it is repeated', async () => {
    const bench = await Bench.start()
    bench.endpoint.onRequest = ({ payload }) => ({
      code: Code.CONTENT,
      payload: Buffer.alloc(2000, payload),
    })
    const fetch = (num: number | undefined, payload: string): ReadMessage => {
      bench.deliver(get('x', num, 6, { code: Code.FETCH, payload }))
      return bench.sent()
    }
    fetch(undefined, 'p')
    assert.equal(fetch(1, 'p').payload.toString(), 'p'.repeat(976))
    assert.equal(fetch(1, '').payload.toString(), 'p'.repeat(976))
    assert.equal(fetch(1, 'q').payload.toString(), 'q'.repeat(976))
  })

  it('distinguishes bodies by Accept, query and peer', async () => {
    const bench = await Bench.start()
    let count = 0
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: Buffer.alloc(2000, ++count) })
    const ask = (options: RawMessage['options'], num: number, id = 'a'): number | undefined => {
      bench.deliver(
        get('x', undefined, 6, {
          options: [...(options ?? []), [Opt.BLOCK2, block(num, false, 6)]],
        }),
        memoryPeer(id),
      )
      return bench.sent().payload[0]
    }
    const accept = [
      [Opt.URI_PATH, 'x'],
      [Opt.ACCEPT, 110],
    ] as const
    const query = [
      [Opt.URI_PATH, 'x'],
      [Opt.URI_QUERY, 'q'],
    ] as const
    assert.deepEqual(
      [
        ask(accept, 0),
        ask(query, 0),
        ask(query, 0, 'b'),
        ask(accept, 1),
        ask(query, 1),
        ask(query, 1, 'b'),
      ],
      [1, 2, 3, 1, 2, 3],
    )
  })

  it('works without memory for bodies', async () => {
    const bench = await Bench.start({ maxBodies: 100 })
    const whole = body(3000)
    let count = 0
    bench.endpoint.onRequest = () => {
      count++
      return { code: Code.CONTENT, payload: whole }
    }
    assert.deepEqual(fetchAll(bench, 'x').bodies, whole)
    assert.equal(count, 3)
  })

  it('answers a request body in blocks with a response body in blocks', async () => {
    const bench = await Bench.start()
    const question = body(100)
    const answer = body(1500)
    bench.endpoint.onRequest = ({ payload }) => {
      assert.deepEqual(payload, question)
      return { code: Code.CONTENT, payload: answer }
    }
    const fetch = (options: RawMessage['options'], payload: Buffer): ReadMessage => {
      bench.deliver(get('x', undefined, 6, { code: Code.FETCH, options, payload }))
      return bench.sent()
    }
    fetch(
      [
        [Opt.URI_PATH, 'x'],
        [Opt.BLOCK1, block(0, true, 2)],
      ],
      part(question, 0, 2),
    )
    const first = fetch(
      [
        [Opt.URI_PATH, 'x'],
        [Opt.BLOCK1, block(1, false, 2)],
      ],
      part(question, 1, 2),
    )
    assert.deepEqual(
      [optionNumber(first, Opt.BLOCK1), optionNumber(first, Opt.BLOCK2)],
      [block(1, false, 2), block(0, true, 6)],
    )
    const rest = fetch(
      [
        [Opt.URI_PATH, 'x'],
        [Opt.BLOCK2, block(1, false, 6)],
      ],
      Buffer.alloc(0),
    )
    assert.deepEqual(Buffer.concat([first.payload, rest.payload]), answer)
  })
})
