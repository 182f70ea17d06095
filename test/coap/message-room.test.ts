import assert from 'node:assert/strict'
import { Code, type CoapRequestInit, type ObservationHandle } from '../../src/coap'
import type { CoapEndpointOptions } from '../../src/coap'
import { encodeMessage, headLength } from '../../src/coap/udp/codec'
import { option } from '../../src/coap/options'
import {
  ACK,
  CON,
  NON,
  Opt,
  optionNumber,
  type RawMessage,
  type ReadMessage,
} from '../support/raw-coap'
import { Bench, rejection } from './support/bench'
import { memoryPeer } from './support/memory-transport'

const block = (num: number, more: boolean, szx: number): number => num * 16 + (more ? 8 : 0) + szx
const body = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i + (i >> 8)) & 255))

/** `[num, more, szx]` of a Block option. */
function readBlock(message: ReadMessage, number: number): [number, boolean, number] | undefined {
  const value = optionNumber(message, number)
  return value === undefined ? undefined : [value >> 4, (value & 8) !== 0, value & 7]
}

/** A peer that accepts datagrams of this size; the transport rejects larger ones. */
async function limited(limit: number, options: CoapEndpointOptions = {}): Promise<Bench> {
  const bench = await Bench.start(options)
  bench.transport.limits.set(bench.peer.id, limit)
  return bench
}

/** Answers the request that was sent. */
function answer(
  bench: Bench,
  code: number,
  options: RawMessage['options'] = [],
  payload?: Uint8Array,
): ReadMessage {
  const request = bench.sent()
  const { mid, token } = request
  bench.deliver({ type: ACK, code, mid, token, options, payload })
  return request
}

/** Receives a body in blocks, as a device does; returns the sizes of the blocks. */
function takeBody(bench: Bench): { whole: Buffer; sizes: number[] } {
  const parts: Buffer[] = []
  const sizes: number[] = []
  for (;;) {
    const request = bench.sent()
    const { mid, token, payload } = request
    const [num, more, szx] = readBlock(request, Opt.BLOCK1) ?? assert.fail('no Block1')
    assert.equal(num << (szx + 4), Buffer.concat(parts).length)
    parts.push(payload)
    sizes.push(16 << szx)
    const code = more ? Code.CONTINUE : Code.CHANGED
    const options = [[Opt.BLOCK1, block(num, more, szx)]] as const
    bench.deliver({ type: ACK, code, mid, token, options })
    if (!more) return { whole: Buffer.concat(parts), sizes }
  }
}

describe('block-wise: peers that accept only small datagrams', () => {
  const PUT: CoapRequestInit = { code: Code.PUT, path: ['5', '0', '0'] }
  const GET: CoapRequestInit = { code: Code.GET, path: ['3'] }
  const get = (num?: number, szx = 6): RawMessage => ({
    type: CON,
    code: Code.GET,
    mid: 0x100 + (num ?? 0) * 8 + szx,
    token: '01020304',
    options: [
      [Opt.URI_PATH, 'x'],
      ...(num === undefined ? [] : [[Opt.BLOCK2, block(num, false, szx)] as const]),
    ],
  })

  it('computes the length of a message without payload', () => {
    for (const [number, size] of [
      [11, 3],
      [11, 13],
      [60, 4],
      [252, 268],
      [268, 269],
      [300, 12],
      [2049, 300],
    ] as const) {
      const options = [option(number, body(size)), option(4, body(8))]
      const message = { code: 1, token: 'token', options }
      assert.equal(headLength(5, options), encodeMessage(0, 1, message).length, `${number} ${size}`)
    }
  })

  it('sends bodies in blocks that fit, and small ones in one message', async () => {
    for (const [limit, size] of [
      [1198, 1024],
      [512, 256],
      [256, 128],
      [64, 16],
    ] as const) {
      const bench = await limited(limit)
      const payload = body(2100)
      const response = bench.endpoint.request(bench.peer, { ...PUT, payload })
      const { whole, sizes } = takeBody(bench)
      assert.deepEqual(whole, payload)
      assert.deepEqual(new Set(sizes), new Set([size]))
      assert.equal((await response).code, Code.CHANGED)
    }
  })

  it('sends a body that just fits in one message, and one with a byte more in blocks', async () => {
    const bench = await limited(512)
    // Header 4, token 8, three segments of 2, the marker, and Block1 and Size1.
    const most = 512 - 4 - 8 - 6 - 1 - 16
    void bench.endpoint.request(bench.peer, { ...PUT, payload: body(most) })
    const whole = answer(bench, Code.CHANGED)
    assert.deepEqual([whole.payload, readBlock(whole, Opt.BLOCK1)], [body(most), undefined])
    void bench.endpoint.request(bench.peer, { ...PUT, payload: body(most + 1) })
    assert.deepEqual(takeBody(bench).sizes, [256, 256])
  })

  it('uses smaller blocks with longer options', async () => {
    const bench = await limited(512)
    const query = Array.from({ length: 2 }, (_, i) => String(i).repeat(150))
    void bench.endpoint.request(bench.peer, { ...PUT, query, payload: body(300) })
    assert.deepEqual(new Set(takeBody(bench).sizes), new Set([128]))
  })

  it('fails with a typed error if not even a block of 16 bytes fits', async () => {
    const bench = await limited(64)
    const query = ['q'.repeat(80)]
    const error = await rejection(
      bench.endpoint.request(bench.peer, { ...PUT, query, payload: body(100) }),
    )
    assert.equal(error.code, 'datagram-too-large')
    void bench.endpoint.request(bench.peer, GET)
    assert.equal(bench.sent().code, Code.GET)
  })

  it('never exceeds the block size of the endpoint or the limit of the peer', async () => {
    const bench = await limited(512, { blockSize: 64 })
    void bench.endpoint.request(bench.peer, { ...PUT, payload: body(200) })
    assert.deepEqual(new Set(takeBody(bench).sizes), new Set([64]))
  })

  it('continues in smaller blocks when the peer moves to a path with a smaller limit', async () => {
    const bench = await Bench.start()
    const payload = body(2500)
    const response = bench.endpoint.request(bench.peer, { ...PUT, payload })
    const moved = memoryPeer('b', 6000)
    bench.transport.limits.set(moved.id, 512)
    const first = bench.sent()
    assert.deepEqual(readBlock(first, Opt.BLOCK1), [0, true, 6])
    bench.endpoint.migrate(bench.peer, moved)
    const { mid, token } = first
    const options = [[Opt.BLOCK1, block(0, true, 6)]] as const
    bench.deliver({ type: ACK, code: Code.CONTINUE, mid, token, options }, moved)
    for (let num = 4; ; num++) {
      const next = bench.sent()
      const [, more] = readBlock(next, Opt.BLOCK1) ?? assert.fail('no Block1')
      assert.deepEqual(readBlock(next, Opt.BLOCK1), [num, num < 9, 4])
      assert.deepEqual(next.payload, payload.subarray(num * 256, (num + 1) * 256))
      const reply = {
        type: ACK,
        code: more ? Code.CONTINUE : Code.CHANGED,
        mid: next.mid,
        token: next.token,
        options: [[Opt.BLOCK1, block(num, more, 4)]] as const,
      }
      bench.deliver(reply, moved)
      if (!more) break
    }
    assert.equal((await response).code, Code.CHANGED)
  })

  it('requests small blocks from the first request on', async () => {
    const bench = await limited(512)
    const response = bench.endpoint.request(bench.peer, GET)
    const first = answer(bench, Code.CONTENT, [[Opt.BLOCK2, block(0, true, 4)]], body(256))
    assert.deepEqual(readBlock(first, Opt.BLOCK2), [0, false, 4])
    const second = answer(bench, Code.CONTENT, [[Opt.BLOCK2, block(1, false, 4)]], body(44))
    assert.deepEqual(readBlock(second, Opt.BLOCK2), [1, false, 4])
    assert.equal((await response).payload.length, 300)
  })

  it('does not request blocks if all sizes fit, or for methods that are not safe', async () => {
    const bench = await limited(1198)
    void bench.endpoint.request(bench.peer, GET)
    assert.equal(readBlock(answer(bench, Code.CONTENT), Opt.BLOCK2), undefined)
    bench.transport.limits.set(bench.peer.id, 512)
    void bench.endpoint.request(bench.peer, { ...GET, code: Code.POST })
    assert.equal(readBlock(answer(bench, Code.CHANGED), Opt.BLOCK2), undefined)
  })

  it('answers in blocks that fit, whatever size was requested', async () => {
    const whole = body(1500)
    for (const asked of [undefined, 6, 5, 4] as const) {
      const bench = await limited(512)
      bench.endpoint.onRequest = () => ({ code: Code.CONTENT, contentFormat: 112, payload: whole })
      bench.deliver(asked === undefined ? get() : get(0, asked))
      let reply = bench.sent()
      const parts = [reply.payload]
      assert.deepEqual(readBlock(reply, Opt.BLOCK2), [0, true, 4])
      for (let num = 1; (readBlock(reply, Opt.BLOCK2) ?? [])[1] === true; num++) {
        bench.deliver(get(num, 4))
        reply = bench.sent()
        assert.equal(readBlock(reply, Opt.BLOCK2)?.[0], num)
        parts.push(reply.payload)
      }
      assert.deepEqual(Buffer.concat(parts), whole)
    }
  })

  it('answers a later block that does not fit with a smaller one at the same offset', async () => {
    const bench = await limited(512)
    const whole = body(3000)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    bench.deliver(get())
    bench.sent()
    bench.deliver(get(2, 6))
    const reply = bench.sent()
    assert.deepEqual(readBlock(reply, Opt.BLOCK2), [8, true, 4])
    assert.deepEqual(reply.payload, whole.subarray(2048, 2048 + 256))
  })

  it('answers with a whole body that fits', async () => {
    const bench = await limited(512)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: body(460) })
    bench.deliver(get())
    assert.equal(bench.sent().payload.length, 460)
  })

  it('stays within every limit, in both roles, and uses most of it', async () => {
    for (let limit = 100; limit <= 1250; limit += 7) {
      const bench = await limited(limit)
      const lengths: number[] = []
      bench.transport.onSend = ({ datagram }) => lengths.push(datagram.length)
      bench.endpoint.onRequest = (request) => {
        if (request.observe === 0) request.acceptObservation()
        return { code: Code.CONTENT, contentFormat: 112, maxAge: 60_000, payload: body(5000) }
      }
      // All options of a response: Observe, ETag, Block1, Block2 and Size2.
      bench.deliver({
        type: CON,
        code: Code.FETCH,
        mid: 1,
        token: '0102030405060708',
        options: [
          [Opt.OBSERVE, 0],
          [Opt.URI_PATH, 'x'],
          [Opt.BLOCK1, block(0, false, 6)],
        ],
        payload: 'what is asked for',
      })
      void bench.endpoint.request(bench.peer, { ...PUT, payload: body(100_000) })
      assert.deepEqual(bench.warnings, [])
      const [response = 0, request = 0] = lengths
      assert.ok(lengths.length === 2 && response <= limit && request <= limit, `${limit}`)
      const least = Math.min(1024, (limit - 70) / 2)
      assert.ok(response > least && request > least, `${limit}: ${lengths.join()}`)
    }
  })

  it('restarts in small blocks when the resource changed meanwhile', async () => {
    const bench = await limited(512)
    void bench.endpoint.request(bench.peer, GET)
    const large = [[Opt.BLOCK2, block(0, true, 6)]] as const
    answer(bench, Code.CONTENT, [[4, 'a'], ...large], body(1024))
    answer(
      bench,
      Code.CONTENT,
      [
        [4, 'b'],
        [Opt.BLOCK2, block(4, true, 4)],
      ],
      body(256),
    )
    assert.deepEqual(readBlock(bench.sent(), Opt.BLOCK2), [0, false, 4])
  })

  it('notifies in blocks that fit', async () => {
    const bench = await limited(512)
    let handle: ObservationHandle | undefined
    const whole = body(700)
    bench.endpoint.onRequest = (request) => {
      if (request.observe === 0) handle = request.acceptObservation()
      return { code: Code.CONTENT, payload: whole }
    }
    const { mid, token } = get()
    const options = [
      [Opt.OBSERVE, 0],
      [Opt.URI_PATH, 'x'],
    ] as const
    bench.deliver({ type: CON, code: Code.GET, mid, token, options })
    assert.deepEqual(readBlock(bench.sent(), Opt.BLOCK2), [0, true, 4])
    await handle?.notify({ code: Code.CONTENT, payload: whole })
    const notification = bench.sent()
    assert.equal(notification.type, NON)
    assert.deepEqual(readBlock(notification, Opt.BLOCK2), [0, true, 4])
    bench.deliver(get(2, 4))
    assert.deepEqual(bench.sent().payload, whole.subarray(512))
  })
})

describe('block-wise: own block size smaller than that of the peer', () => {
  it('requests the next block, counted in smaller blocks (RFC 7959 §2.4)', async () => {
    const bench = await Bench.start({ blockSize: 256 })
    const whole = body(1300)
    const response = bench.endpoint.request(bench.peer, { code: Code.GET, path: ['3'] })
    // It was asked for 256 bytes, but sends 1024.
    const large = [[Opt.BLOCK2, block(0, true, 6)]] as const
    answer(bench, Code.CONTENT, large, whole.subarray(0, 1024))
    const rest = [[Opt.BLOCK2, block(4, true, 4)]] as const
    const second = answer(bench, Code.CONTENT, rest, whole.subarray(1024, 1280))
    assert.deepEqual(readBlock(second, Opt.BLOCK2), [4, false, 4])
    answer(bench, Code.CONTENT, [[Opt.BLOCK2, block(5, false, 4)]], whole.subarray(1280))
    assert.deepEqual((await response).payload, whole)
  })

  it('completes a notification in large blocks', async () => {
    const bench = await Bench.start({ blockSize: 256 })
    const whole = body(1100)
    const seen: Buffer[] = []
    const observing = bench.endpoint.observe(
      bench.peer,
      { code: Code.GET, path: ['3'] },
      { onNotification: ({ payload }) => seen.push(payload) },
    )
    const { token } = answer(bench, Code.CONTENT, [[Opt.OBSERVE, 1]], Buffer.from('x'))
    await observing
    bench.deliver({
      type: NON,
      code: Code.CONTENT,
      mid: 7,
      token,
      options: [
        [Opt.OBSERVE, 2],
        [Opt.BLOCK2, block(0, true, 6)],
      ],
      payload: whole.subarray(0, 1024),
    })
    const fetch = answer(
      bench,
      Code.CONTENT,
      [[Opt.BLOCK2, block(4, false, 4)]],
      whole.subarray(1024),
    )
    assert.deepEqual(readBlock(fetch, Opt.BLOCK2), [4, false, 4])
    assert.deepEqual(seen, [whole])
  })

  it('answers with the beginning of a larger later block', async () => {
    const bench = await Bench.start({ blockSize: 256 })
    const whole = body(3000)
    bench.endpoint.onRequest = () => ({ code: Code.CONTENT, payload: whole })
    const options = [
      [Opt.URI_PATH, 'x'],
      [Opt.BLOCK2, block(1, false, 6)],
    ] as const
    bench.deliver({ type: CON, code: Code.GET, mid: 1, token: '01', options })
    const reply = bench.sent()
    assert.deepEqual(readBlock(reply, Opt.BLOCK2), [4, true, 4])
    assert.deepEqual(reply.payload, whole.subarray(1024, 1280))
  })
})
