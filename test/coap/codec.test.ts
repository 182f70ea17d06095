import assert from 'node:assert/strict'
import { decodeMessage, encodeEmpty, encodeMessage, peekHeader } from '../../src/coap/udp/codec'
import { CoapFormatError } from '../../src/coap/errors'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const NONE = Buffer.alloc(0)

describe('CoAP codec', () => {
  it('decodes the example of RFC 7252 appendix A, figure 16', () => {
    const message = decodeMessage(hex('40 01 7d 34 bb 74656d7065726174757265'))
    assert.equal(message.type, 0)
    assert.equal(message.code, 0x01)
    assert.equal(message.messageId, 0x7d34)
    assert.equal(message.token, '')
    assert.deepEqual(
      message.options.map(({ number, value }) => [number, Buffer.from(value).toString()]),
      [[11, 'temperature']],
    )
    assert.deepEqual(message.payload, NONE)
  })

  it('decodes the reply of figure 16 with its payload', () => {
    const message = decodeMessage(hex('60 45 7d 34 ff 32322e3320 43'))
    assert.deepEqual(
      [message.type, message.code, message.messageId, message.payload.toString()],
      [2, 0x45, 0x7d34, '22.3 C'],
    )
  })

  it('decodes a token, extended deltas and lengths, and unnamed numbers', () => {
    const long = 'a'.repeat(300)
    const message = decodeMessage(
      Buffer.concat([
        hex('48 02 0001 0102030405060708'),
        // 11, length 13 + 2 = 15; then delta 269 + 0x0d78 - ... up to 65000 with length 300
        hex('bd 02'),
        Buffer.from('fifteen--bytes.'),
        hex(`ee ${(65000 - 11 - 269).toString(16).padStart(4, '0')} 001f`),
        Buffer.from(long),
        hex('ff 00'),
      ]),
    )
    assert.equal(message.tokenBytes.toString('hex'), '0102030405060708')
    assert.deepEqual(
      message.options.map(({ number, value }) => [number, Buffer.from(value).toString()]),
      [
        [11, 'fifteen--bytes.'],
        [65000, long],
      ],
    )
    assert.deepEqual(message.payload, hex('00'))
  })

  it('encodes a request byte by byte', () => {
    const datagram = encodeMessage(0, 0xabcd, {
      code: 0x02,
      token: '\x0a\x0b',
      // Out of order on purpose; equal numbers keep their order.
      options: [
        { number: 15, value: Buffer.from('lt=60') },
        { number: 11, value: Buffer.from('rd') },
        { number: 15, value: Buffer.from('b=U') },
        { number: 12, value: hex('28') },
      ],
      payload: hex('c3 28 00 ff'),
    })
    assert.equal(
      datagram.toString('hex'),
      hex('42 02 abcd 0a0b b2 7264 11 28 35 6c743d3630 03 623d55 ff c328 00ff').toString('hex'),
    )
  })

  it('omits the payload marker without payload', () => {
    const part = { code: 0x45, token: '', options: [] }
    assert.equal(encodeMessage(1, 1, part).toString('hex'), '50450001')
    assert.equal(encodeMessage(1, 1, { ...part, payload: NONE }).toString('hex'), '50450001')
  })

  it('encodes and decodes every type and code', () => {
    for (const type of [0, 1, 2, 3]) {
      for (const code of [1, 7, 31, 0x41, 0x5f, 0x80, 0x9f, 0xa0, 0xbf]) {
        const datagram = encodeMessage(type, 7, { code, token: '\x01', options: [] })
        const message = decodeMessage(datagram)
        assert.deepEqual([message.type, message.code], [type, code])
      }
    }
  })

  it('encodes empty messages', () => {
    assert.equal(encodeEmpty(0, 0x1234).toString('hex'), '40001234')
    assert.equal(encodeEmpty(2, 0x1234).toString('hex'), '60001234')
    assert.equal(encodeEmpty(3, 0xffff).toString('hex'), '7000ffff')
  })

  const malformed: [string, string][] = [
    ['an empty datagram', ''],
    ['three bytes', '40 01 00'],
    ['version 0', '00 01 0001'],
    ['version 2', '80 01 0001'],
    ['token length 9', '49 01 0001 010203040506070809'],
    [
      'token length 13 with an extension that fits (RFC 8974)',
      '4d 01 0001 00 0102030405060708090a0b0c0d',
    ],
    ['token length 15', '4f 01 0001 0102030405060708090a0b0c0d0e0f'],
    ['a token that ends beyond the datagram', '44 01 0001 010203'],
    ['an empty message with a token', '41 00 0001 01'],
    ['an empty message with a payload', '40 00 0001 ff 01'],
    ['code class 1', '40 20 0001'],
    ['code class 6', '40 c1 0001'],
    ['code class 7', '40 e1 0001'],
    ['a payload marker without payload', '40 01 0001 ff'],
    ['option delta 15', '40 01 0001 f1 00'],
    ['option length 15', '40 01 0001 1f 00'],
    ['an option that ends beyond the datagram', '40 01 0001 b5 7264'],
    ['an extended delta that is truncated', '40 01 0001 d0'],
    ['a two-byte delta that is truncated', '40 01 0001 e0 01'],
    ['an extended length that is truncated', '40 01 0001 0d'],
    ['a two-byte length that is truncated', '40 01 0001 0e 00'],
    ['a long length without bytes', '40 01 0001 be ffff 00'],
    ['an option number above 65535', '40 01 0001 e0 ffff 00'],
    ['too many options', `40 01 0001 ${'00'.repeat(257)}`],
  ]
  for (const [what, bytes] of malformed) {
    it(`rejects ${what}`, () => {
      const datagram = hex(bytes)
      assert.throws(
        () => decodeMessage(datagram),
        (error) => error instanceof CoapFormatError && error.raw === datagram,
      )
    })
  }

  it('accepts 256 options and no more', () => {
    assert.equal(decodeMessage(hex(`40 01 0001 ${'00'.repeat(256)}`)).options.length, 256)
  })

  it('reports type and Message-ID of a malformed datagram', () => {
    assert.deepEqual(peekHeader(hex('49 01 1234')), { type: 0, messageId: 0x1234 })
    assert.equal(peekHeader(hex('89 01 1234')), undefined)
    assert.equal(peekHeader(hex('40 01')), undefined)
  })
})
