import assert from 'node:assert/strict'
import { Code, type CoapRequest, type CoapRequestInit } from '../../src/coap'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { ACK, CON, Opt, optionNumber, type RawMessage, type ReadMessage } from '../support/raw-coap'

const SIZE1 = 60
const SIZE2 = 28
const ETAG = 4
const REQUEST_TAG = 292

/** The value of a Block option. */
const block = (num: number, more: boolean, szx: number): number => num * 16 + (more ? 8 : 0) + szx

/** Bytes that differ from block to block. */
const body = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i + (i >> 8)) & 255))

/** The part that block `num` of `16 << szx` bytes holds. */
const part = (whole: Buffer, num: number, szx: number): Buffer =>
  whole.subarray(num << (szx + 4), (num + 1) << (szx + 4))

describe('block-wise: request bodies that come in (Block1)', () => {
  let mid = 0
  const put = (
    num: number,
    more: boolean,
    szx: number,
    payload: Buffer,
    extra: Partial<RawMessage> = {},
  ): RawMessage => ({
    type: CON,
    code: Code.PUT,
    mid: ++mid,
    // A new token for each block, as libcoap, Anjay and Californium do.
    token: mid.toString(16).padStart(4, '0'),
    options: [
      [Opt.URI_PATH, 'x'],
      [Opt.BLOCK1, block(num, more, szx)],
    ],
    payload,
    ...extra,
  })

  const start = async (options = {}): Promise<{ bench: Bench; seen: CoapRequest[] }> => {
    const bench = await Bench.start(options)
    const seen: CoapRequest[] = []
    bench.endpoint.onRequest = (request) => {
      seen.push(request)
      return { code: Code.CHANGED }
    }
    return { bench, seen }
  }

  const reply = (bench: Bench, message: RawMessage): ReadMessage => {
    bench.deliver(message)
    return bench.sent()
  }

  const codeAndBlock = (message: ReadMessage): [number, number | undefined] => [
    message.code,
    optionNumber(message, Opt.BLOCK1),
  ]

  it('answers 2.31 to each block, then hands over the body whole', async () => {
    const { bench, seen } = await start()
    const whole = body(150)
    const first = put(0, true, 2, part(whole, 0, 2), {
      options: [
        [Opt.URI_PATH, 'x'],
        [Opt.CONTENT_FORMAT, 40],
        [Opt.BLOCK1, block(0, true, 2)],
        [SIZE1, 150],
      ],
    })
    // 2.31, Block1 0/1/64
    bench.expectReply(
      first,
      `62 5f ${first.mid.toString(16).padStart(4, '0')} ${first.token} d1 0e 0a`,
    )
    assert.deepEqual(codeAndBlock(reply(bench, put(1, true, 2, part(whole, 1, 2)))), [
      Code.CONTINUE,
      block(1, true, 2),
    ])
    assert.equal(seen.length, 0)
    assert.deepEqual(codeAndBlock(reply(bench, put(2, false, 2, part(whole, 2, 2)))), [
      Code.CHANGED,
      block(2, false, 2),
    ])
    assert.deepEqual(seen[0]?.payload, whole)
    assert.equal(seen[0]?.contentFormat, 40)
  })

  it('answers a duplicate of the last block with the identical response, once handled', async () => {
    const { bench, seen } = await start()
    const whole = body(100)
    reply(bench, put(0, true, 2, part(whole, 0, 2)))
    const last = put(1, false, 2, part(whole, 1, 2))
    bench.deliver(last)
    const [answer] = bench.transport.take()
    bench.deliver(last)
    assert.deepEqual(bench.transport.take(), [answer])
    assert.equal(seen.length, 1)
  })

  it('tolerates an earlier block sent again in a new message', async () => {
    const { bench, seen } = await start()
    const whole = body(100)
    reply(bench, put(0, true, 1, part(whole, 0, 1)))
    reply(bench, put(1, true, 1, part(whole, 1, 1)))
    assert.deepEqual(codeAndBlock(reply(bench, put(1, true, 1, part(whole, 1, 1)))), [
      Code.CONTINUE,
      block(1, true, 1),
    ])
    reply(bench, put(2, true, 1, part(whole, 2, 1)))
    reply(bench, put(3, false, 1, part(whole, 3, 1)))
    assert.deepEqual(seen[0]?.payload, whole)
  })

  it('takes a single block for the whole', async () => {
    const { bench, seen } = await start()
    assert.deepEqual(codeAndBlock(reply(bench, put(0, false, 6, Buffer.from('x')))), [
      Code.CHANGED,
      block(0, false, 6),
    ])
    assert.equal(seen[0]?.payload.toString(), 'x')
  })

  it('answers 4.08 to a gap and forgets the body', async () => {
    const { bench, seen } = await start()
    const whole = body(200)
    reply(bench, put(0, true, 2, part(whole, 0, 2)))
    assert.equal(reply(bench, put(2, true, 2, part(whole, 2, 2))).code, 0x88)
    assert.equal(reply(bench, put(1, true, 2, part(whole, 1, 2))).code, 0x88)
    assert.equal(seen.length, 0)
  })

  it('answers 4.08 to a later block without the first', async () => {
    const { bench } = await start()
    assert.equal(reply(bench, put(3, false, 2, Buffer.from('x'))).code, 0x88)
  })

  it('begins anew with block 0', async () => {
    const { bench, seen } = await start()
    const whole = body(100)
    reply(bench, put(0, true, 2, Buffer.alloc(64)))
    reply(bench, put(0, true, 2, part(whole, 0, 2)))
    reply(bench, put(1, false, 2, part(whole, 1, 2)))
    assert.deepEqual(seen[0]?.payload, whole)
  })

  it('answers 4.00 to szx 7 and to blocks of the wrong size (RFC 7959 §2.2)', async () => {
    const { bench } = await start()
    assert.equal(reply(bench, put(0, true, 7, Buffer.alloc(1024))).code, 0x80)
    assert.equal(reply(bench, put(0, true, 2, Buffer.alloc(63))).code, 0x80)
    assert.equal(reply(bench, put(0, true, 2, Buffer.alloc(65))).code, 0x80)
    assert.equal(reply(bench, put(0, false, 2, Buffer.alloc(65))).code, 0x80)
  })

  it('answers 4.08 when the Content-Format changes, but not when later blocks leave it out', async () => {
    const { bench, seen } = await start()
    const whole = body(100)
    const withFormat = (num: number, more: boolean, format: number): RawMessage =>
      put(num, more, 2, part(whole, num, 2), {
        options: [
          [Opt.URI_PATH, 'x'],
          [Opt.CONTENT_FORMAT, format],
          [Opt.BLOCK1, block(num, more, 2)],
        ],
      })
    reply(bench, withFormat(0, true, 112))
    assert.equal(reply(bench, withFormat(1, false, 110)).code, 0x88)
    reply(bench, withFormat(0, true, 112))
    assert.equal(reply(bench, put(1, false, 2, part(whole, 1, 2))).code, Code.CHANGED)
    assert.equal(seen[0]?.contentFormat, 112)
  })

  it('answers 4.13 with the limit to what is too large, announced or not', async () => {
    const { bench, seen } = await start({ maxBody: 150 })
    const announced = reply(
      bench,
      put(0, true, 2, Buffer.alloc(64), {
        options: [
          [Opt.URI_PATH, 'x'],
          [Opt.BLOCK1, block(0, true, 2)],
          [SIZE1, 10_000_000],
        ],
      }),
    )
    assert.deepEqual([announced.code, optionNumber(announced, SIZE1)], [0x8d, 150])
    reply(bench, put(0, true, 2, Buffer.alloc(64)))
    reply(bench, put(1, true, 2, Buffer.alloc(64)))
    const grown = reply(bench, put(2, true, 2, Buffer.alloc(64)))
    assert.deepEqual([grown.code, optionNumber(grown, SIZE1)], [0x8d, 150])
    reply(bench, put(0, true, 2, Buffer.alloc(64)))
    reply(bench, put(1, true, 2, Buffer.alloc(64)))
    assert.equal(reply(bench, put(2, false, 2, Buffer.alloc(22))).code, Code.CHANGED)
    assert.equal(seen[0]?.payload.length, 150)
  })

  it('bounds the unfinished bodies of all peers together, and recovers', async () => {
    const { bench, seen } = await start({ maxBodies: 160 })
    const send = (num: number, more: boolean, id: string): number => {
      bench.deliver(put(num, more, 2, Buffer.alloc(64)), memoryPeer(id))
      return bench.sent().code
    }
    assert.equal(send(0, true, 'p'), Code.CONTINUE)
    assert.equal(send(0, true, 'q'), Code.CONTINUE)
    assert.equal(send(0, true, 'r'), Code.SERVICE_UNAVAILABLE)
    assert.equal(send(1, false, 'p'), Code.SERVICE_UNAVAILABLE)
    assert.equal(send(0, true, 'r'), Code.CONTINUE)
    assert.equal(seen.length, 0)
    bench.clock.advance(247_000)
    for (const id of ['s', 't']) assert.equal(send(0, true, id), Code.CONTINUE)
  })

  it('gives up a body whose sender is silent for EXCHANGE_LIFETIME', async () => {
    const { bench } = await start()
    reply(bench, put(0, true, 2, Buffer.alloc(64)))
    bench.clock.advance(247_000)
    assert.equal(reply(bench, put(1, false, 2, Buffer.alloc(1))).code, 0x88)
  })

  it('keeps apart what differs in peer, method, path, query or Request-Tag, not in token', async () => {
    const { bench, seen } = await start()
    const variants: [string, number, RawMessage['options']][] = [
      ['a', Code.PUT, [[Opt.URI_PATH, 'x']]],
      ['b', Code.PUT, [[Opt.URI_PATH, 'x']]],
      ['a', Code.POST, [[Opt.URI_PATH, 'x']]],
      ['c', Code.PUT, [[Opt.URI_PATH, 'y']]],
      [
        'c',
        Code.PUT,
        [
          [Opt.URI_PATH, 'x'],
          [Opt.URI_QUERY, 'q'],
        ],
      ],
    ]
    const send = (num: number, more: boolean, index: number): void => {
      const [peer, code, options] = variants[index] as (typeof variants)[number]
      bench.deliver(
        put(num, more, 0, Buffer.alloc(16, index), {
          code,
          options: [...(options ?? []), [Opt.BLOCK1, block(num, more, 0)]],
        }),
        memoryPeer(peer),
      )
    }
    const tagged = (num: number, more: boolean, tag: string): void =>
      bench.deliver(
        put(num, more, 0, Buffer.alloc(16, tag), {
          options: [
            [Opt.URI_PATH, 'x'],
            [Opt.BLOCK1, block(num, more, 0)],
            [REQUEST_TAG, tag],
          ],
        }),
      )
    variants.forEach((_, index) => send(0, true, index))
    for (const tag of ['t', 'u']) tagged(0, true, tag)
    variants.forEach((_, index) => send(1, false, index))
    for (const tag of ['t', 'u']) tagged(1, false, tag)
    assert.deepEqual(
      seen.map(({ payload }) => payload.toString('latin1')),
      [
        ...variants.map((_, i) => String.fromCharCode(i).repeat(32)),
        't'.repeat(32),
        'u'.repeat(32),
      ],
    )
  })

  it('lets the oldest of five bodies of one peer go', async () => {
    const { bench } = await start()
    const send = (num: number, more: boolean, path: string): number =>
      reply(
        bench,
        put(num, more, 0, Buffer.alloc(16), {
          options: [
            [Opt.URI_PATH, path],
            [Opt.BLOCK1, block(num, more, 0)],
          ],
        }),
      ).code
    for (const path of ['1', '2', '3', '4', '5']) assert.equal(send(0, true, path), Code.CONTINUE)
    assert.equal(send(1, false, '1'), 0x88)
    for (const path of ['2', '3', '4', '5']) assert.equal(send(1, false, path), Code.CHANGED)
  })

  it('asks for smaller blocks when its own are smaller, and follows the sender', async () => {
    const { bench, seen } = await start({ blockSize: 32 })
    const whole = body(200)
    assert.deepEqual(codeAndBlock(reply(bench, put(0, true, 3, part(whole, 0, 3)))), [
      Code.CONTINUE,
      block(0, true, 1),
    ])
    for (const num of [4, 5]) {
      assert.equal(reply(bench, put(num, true, 1, part(whole, num, 1))).code, Code.CONTINUE)
    }
    assert.equal(reply(bench, put(6, false, 1, part(whole, 6, 1))).code, Code.CHANGED)
    assert.deepEqual(seen[0]?.payload, whole)
  })

  it('goes on with a body when its sender moves', async () => {
    const { bench, seen } = await start()
    const whole = body(100)
    reply(bench, put(0, true, 2, part(whole, 0, 2)))
    const to = memoryPeer('moved')
    bench.endpoint.migrate(bench.peer, to)
    bench.deliver(put(1, false, 2, part(whole, 1, 2)), to)
    assert.equal(bench.sent().code, Code.CHANGED)
    assert.deepEqual(seen[0]?.payload, whole)
  })
})

describe('block-wise: response bodies that go out (Block2)', () => {
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

  it('sends the first block with its size, and keeps the body for the others', async () => {
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

  it('keeps blocks of one state of the resource together while it changes', async () => {
    const bench = await Bench.start()
    let state = 0
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: Buffer.alloc(3000, ++state) })
    const { bodies, etags } = fetchAll(bench, 'x')
    assert.deepEqual(bodies, Buffer.alloc(3000, 1))
    const next = fetchAll(bench, 'x')
    assert.deepEqual(next.bodies, Buffer.alloc(3000, 2))
    assert.notDeepEqual(next.etags, etags)
  })

  it('obeys the smaller size that the request asks for, from the first block on', async () => {
    const bench = await Bench.start()
    const whole = body(200)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    assert.deepEqual(fetchAll(bench, 'x', 1).bodies, whole)
  })

  it('lets the client change to smaller blocks on the way', async () => {
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

  it('answers 4.00 to a block behind the end and to szx 7', async () => {
    const bench = await Bench.start()
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: body(2000) })
    bench.deliver(get('x'))
    bench.sent()
    bench.deliver(get('x', 2))
    assert.equal(bench.sent().code, 0x80)
    bench.deliver(get('x', 0, 7))
    assert.equal(bench.sent().code, 0x80)
  })

  it('asks the handler again for a later block of what is no longer kept', async () => {
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

  it('gives an error for a later block as an error', async () => {
    const bench = await Bench.start()
    bench.deliver(get('x', 1))
    assert.equal(bench.sent().code, Code.NOT_FOUND)
  })

  it('never carries out a POST again for a later block', async () => {
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

  it('tells FETCH bodies apart by what they ask for, when it is said again', async () => {
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

  it('keeps apart what differs in Accept, query or peer', async () => {
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

describe('block-wise: request bodies that go out (Block1)', () => {
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

  it('begins anew with the smaller size that a 4.13 hints at, also in the middle', async () => {
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

  it('goes over to blocks when a 4.13 for a whole body hints at a size', async () => {
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

  it('takes a 4.13 without a smaller size for the answer, however often the same is hinted at', async () => {
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

  it('goes on when each block is carried out on its own (RFC 7959 §2.3)', async () => {
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

  it('gives each block its own time, not the body', async () => {
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

  it('keeps the turn of its peer for the whole body', async () => {
    const bench = await Bench.start()
    const upload = start(bench, body(2000))
    const other = bench.endpoint.request(bench.peer, { code: Code.GET })
    answer(bench, Code.CONTINUE, echo)
    assert.equal(answer(bench, Code.CHANGED, echo).code, Code.PUT)
    assert.equal(answer(bench, Code.CONTENT).code, Code.GET)
    await Promise.all([upload, other])
  })

  it('can be aborted between blocks, also by its own progress report', async () => {
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

  it('takes the block size of the request', async () => {
    const bench = await Bench.start()
    const promise = start(bench, body(40), { blockSize: 32 })
    assert.equal(optionNumber(answer(bench, Code.CONTINUE, echo), Opt.BLOCK1), block(0, true, 1))
    answer(bench, Code.CHANGED, echo)
    await promise
  })

  it('refuses a body with more blocks than there are numbers, before it sends any', async () => {
    const bench = await Bench.start()
    const failure = rejection(start(bench, Buffer.alloc((1 << 24) + 1), { blockSize: 16 }))
    assert.equal((await failure).code, 'blockwise')
    bench.nothingSent()
  })
})

describe('block-wise: response bodies that come in (Block2)', () => {
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

  it('asks for block after block and gives the body whole, with the first message’s options', async () => {
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

  it('follows the smaller size that the answer has', async () => {
    const bench = await Bench.start()
    const whole = body(100)
    const promise = bench.endpoint.request(bench.peer, GET)
    answerBlock(bench, whole, 0, 1)
    assert.equal(optionNumber(answerBlock(bench, whole, 1, 1), Opt.BLOCK2), block(1, false, 1))
    // From 32 to 16 bytes: 64 bytes are there, so block 4 is next.
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

  it('fetches anew when the ETag changes in the middle', async () => {
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
    ['a block that is not the next', body(64), [[Opt.BLOCK2, block(2, true, 2)]]],
    ['a block too short', body(63), [[Opt.BLOCK2, block(1, true, 2)]]],
    ['a block too long', body(65), [[Opt.BLOCK2, block(1, false, 2)]]],
    ['an empty block that promises more', body(0), [[Opt.BLOCK2, block(1, true, 2)]]],
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

  it('fails on a first block that is none', async () => {
    const bench = await Bench.start()
    for (const value of [block(1, true, 2), block(1, false, 2), block(0, true, 7)]) {
      const failure = rejection(bench.endpoint.request(bench.peer, GET))
      answer(bench, body(64), [[Opt.BLOCK2, value]])
      assert.equal((await failure).code, 'blockwise')
    }
  })

  it('gives an error response to a later block as the response', async () => {
    const bench = await Bench.start()
    const promise = bench.endpoint.request(bench.peer, GET)
    answer(bench, body(64), [[Opt.BLOCK2, block(0, true, 2)]])
    answer(bench, Buffer.from('no'), [], Code.NOT_FOUND)
    assert.equal((await promise).code, Code.NOT_FOUND)
  })

  it('bounds the body, announced or not, and the bodies of all peers together', async () => {
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

  it('repeats the body of a FETCH for later blocks, unless it was itself in blocks', async () => {
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
