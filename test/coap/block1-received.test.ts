import assert from 'node:assert/strict'
import { Code, type CoapRequest } from '../../src/coap'
import { SIZE1, REQUEST_TAG, block, body, part } from './support/blocks'
import { Bench } from './support/bench'
import { memoryPeer } from './support/memory-transport'
import { CON, Opt, optionNumber, type RawMessage, type ReadMessage } from '../support/raw-coap'

describe('block-wise: received request bodies (Block1)', () => {
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

  it('answers 2.31 to each block, then passes on the whole body', async () => {
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

  it('answers a duplicate of the last block with the identical response, without calling the handler again', async () => {
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

  it('accepts an earlier block sent again in a new message', async () => {
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

  it('accepts a single block as the whole body', async () => {
    const { bench, seen } = await start()
    assert.deepEqual(codeAndBlock(reply(bench, put(0, false, 6, Buffer.from('x')))), [
      Code.CHANGED,
      block(0, false, 6),
    ])
    assert.equal(seen[0]?.payload.toString(), 'x')
  })

  it('answers 4.08 to a gap and drops the body', async () => {
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

  it('restarts with block 0', async () => {
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

  it('answers 4.08 if the Content-Format changes, but not if later blocks omit it', async () => {
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

  it('answers 4.13 with the limit to a body that is too large, announced or not', async () => {
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

  it('limits the unfinished bodies of all peers together, and recovers', async () => {
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

  it('drops a body whose sender is silent for EXCHANGE_LIFETIME', async () => {
    const { bench } = await start()
    reply(bench, put(0, true, 2, Buffer.alloc(64)))
    bench.clock.advance(247_000)
    assert.equal(reply(bench, put(1, false, 2, Buffer.alloc(1))).code, 0x88)
  })

  it('distinguishes bodies by peer, method, path, query and Request-Tag, not by token', async () => {
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

  it('drops the oldest of five bodies of one peer', async () => {
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

  it('asks for smaller blocks if its own size is smaller, and follows the sender', async () => {
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

  it('continues a body when its sender moves', async () => {
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
