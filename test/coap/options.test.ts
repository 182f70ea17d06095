import assert from 'node:assert/strict'
import type { CoapOption } from '../../src/coap'
import { badOption, Message } from '../../src/coap/message'
import { OptionNumber, blockBytes, readBlock, readUint, uintBytes } from '../../src/coap/options'
import { contentLength, inOrder, readContent, writeContent } from '../../src/coap/wire'

/** What a message with these options says. */
function readOptions(options: readonly CoapOption[]): Message {
  const sorted = inOrder(options)
  const bytes = Buffer.alloc(contentLength(sorted, 0))
  assert.equal(writeContent(bytes, 0, sorted, undefined), bytes.length)
  const message = new Message()
  readContent(message, bytes, 0)
  return message
}

const opt = (number: number, value: string | number[]): CoapOption => ({
  number,
  value: typeof value === 'string' ? Buffer.from(value) : Uint8Array.from(value),
})

describe('CoAP options', () => {
  it('decodes the options of a request', () => {
    const fields = readOptions([
      opt(OptionNumber.OBSERVE, []),
      opt(OptionNumber.URI_PATH, 'rd'),
      opt(OptionNumber.URI_PATH, 'ü'),
      opt(OptionNumber.CONTENT_FORMAT, [0x2d, 0x16]),
      opt(OptionNumber.URI_QUERY, 'ep=a'),
      opt(OptionNumber.URI_QUERY, ''),
      opt(OptionNumber.ACCEPT, [112]),
      opt(OptionNumber.BLOCK1, [0x1e]),
      opt(OptionNumber.SIZE1, [1, 0, 0]),
    ])
    assert.deepEqual(
      [fields.path, fields.query, fields.contentFormat, fields.accept, fields.observe],
      [['rd', 'ü'], ['ep=a', ''], 11542, 112, 0],
    )
    assert.deepEqual(fields.block1, { num: 1, more: true, szx: 6 })
    assert.equal(fields.size1, 65536)
    assert.equal(fields.badCritical, 0)
  })

  it('ignores unknown elective options and reports unknown critical ones', () => {
    assert.equal(readOptions([opt(2048, 'x')]).badCritical, 0)
    assert.equal(readOptions([opt(65001, 'x')]).badCritical, 65001)
    assert.equal(readOptions([opt(2049, 'x'), opt(2051, 'x')]).badCritical, 2049)
  })

  it('does not support options whose meaning it would violate', () => {
    for (const number of [
      OptionNumber.IF_MATCH,
      OptionNumber.IF_NONE_MATCH,
      OptionNumber.Q_BLOCK1,
      OptionNumber.Q_BLOCK2,
    ]) {
      assert.equal(readOptions([opt(number, [])]).badCritical, number)
    }
  })

  it('rejects a protected message without OSCORE (RFC 8613 §2)', () => {
    const message = readOptions([opt(OptionNumber.OSCORE, [9, 1])])
    assert.deepEqual([message.badCritical, badOption(message)], [0, OptionNumber.OSCORE])
    assert.equal(Buffer.from(message.oscore ?? []).toString('hex'), '0901')
    assert.equal(badOption(readOptions([opt(65001, 'x')])), 65001)
    assert.equal(badOption(readOptions([opt(OptionNumber.OBSERVE, [1])])), 0)
  })

  it('treats a wrong length like an unknown option (RFC 7252 §5.4.3)', () => {
    const elective = readOptions([
      opt(OptionNumber.OBSERVE, [1, 2, 3, 4]),
      opt(OptionNumber.CONTENT_FORMAT, [1, 2, 3]),
      opt(OptionNumber.MAX_AGE, [1, 2, 3, 4, 5]),
    ])
    assert.deepEqual(
      [elective.observe, elective.contentFormat, elective.maxAge, elective.badCritical],
      [undefined, undefined, undefined, 0],
    )
    assert.equal(readOptions([opt(OptionNumber.BLOCK2, [1, 2, 3, 4])]).badCritical, 23)
    assert.equal(readOptions([opt(OptionNumber.URI_PATH, 'x'.repeat(256))]).badCritical, 11)
  })

  it('treats a repeated option like an unknown option (RFC 7252 §5.4.5)', () => {
    const fields = readOptions([
      opt(OptionNumber.CONTENT_FORMAT, [1]),
      opt(OptionNumber.CONTENT_FORMAT, [2]),
    ])
    assert.deepEqual([fields.contentFormat, fields.badCritical], [1, 0])
    assert.equal(
      readOptions([opt(OptionNumber.ACCEPT, [1]), opt(OptionNumber.ACCEPT, [1])]).badCritical,
      OptionNumber.ACCEPT,
    )
  })

  it('reports requests meant for a proxy', () => {
    assert.equal(readOptions([opt(OptionNumber.PROXY_URI, 'coap://x/')]).proxy, true)
    assert.equal(readOptions([opt(OptionNumber.PROXY_SCHEME, 'coap')]).proxy, true)
  })

  it('encodes unsigned integers in their shortest form', () => {
    for (const [value, bytes] of [
      [0, ''],
      [1, '01'],
      [255, 'ff'],
      [256, '0100'],
      [0xffffff, 'ffffff'],
      [0xffffffff, 'ffffffff'],
    ] as const) {
      assert.equal(uintBytes(value).toString('hex'), bytes)
      assert.equal(readUint(uintBytes(value)), value)
    }
    for (const value of [-1, 1.5, NaN, 2 ** 32]) assert.throws(() => uintBytes(value), RangeError)
    // Leading zeros are accepted (RFC 7252 §3.2).
    assert.equal(readUint(Uint8Array.of(0, 0, 5)), 5)
  })

  it('encodes and decodes block options up to the last number', () => {
    assert.equal(blockBytes(0, false, 0).toString('hex'), '')
    assert.equal(blockBytes(0, true, 6).toString('hex'), '0e')
    assert.equal(blockBytes(0xfffff, true, 6).toString('hex'), 'fffffe')
    assert.deepEqual(readBlock(readUint(blockBytes(0xfffff, false, 2))), {
      num: 0xfffff,
      more: false,
      szx: 2,
    })
  })
})
