import assert from 'node:assert/strict'
import { encode, EncodeError } from '../../src/lwm2m/formats'
import { builtinModel } from '../../src/lwm2m/model/object-model'
import { isMilliseconds } from '../../src/lwm2m/milliseconds'
import { Path } from '../../src/lwm2m/path'
import { ObjectLink, type ResourceType, type Value, ValueError } from '../../src/lwm2m/value'
import {
  coerce,
  formatValue,
  parseBase64,
  parseValue,
  sameValue,
  secondsOf,
  toType,
} from '../../src/lwm2m/values'
import { cpuTime } from '../support/cpu-time'

const bytes = (...values: number[]): Buffer => Buffer.from(values)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n

describe('values of a type (Core appendix C)', () => {
  const exact: readonly (readonly [ResourceType, Value, Value])[] = [
    ['Integer', 5, 5],
    ['Integer', -0, 0],
    ['Integer', 5n, 5],
    ['Integer', INT64_MAX, INT64_MAX],
    ['Integer', -(2n ** 63n), -(2n ** 63n)],
    ['Integer', 2 ** 53, 2n ** 53n],
    ['Unsigned Integer', UINT64_MAX, UINT64_MAX],
    ['Float', 5n, 5],
    ['Float', 1.5, 1.5],
    ['Boolean', true, true],
    ['String', 'x', 'x'],
    ['Corelnk', '</3/0>', '</3/0>'],
    ['Opaque', bytes(1, 2), bytes(1, 2)],
    ['Time', 1367491215, new Date(1367491215_000)],
    ['Time', 1367491215n, new Date(1367491215_000)],
    ['Time', -1.5, new Date(-1500)],
    ['Objlnk', '66:0', new ObjectLink(66, 0)],
  ]
  for (const [type, value, wanted] of exact) {
    it(`${type} accepts ${typeof value} ${formatValue(value)} without a warning`, () => {
      const warnings: string[] = []
      assert.deepEqual(
        coerce(value, type, (message) => warnings.push(message)),
        wanted,
      )
      assert.deepEqual(warnings, [])
    })
  }

  const loose: readonly (readonly [ResourceType, Value, Value])[] = [
    ['Integer', true, 1],
    ['Integer', '18446', 18446],
    ['Integer', '-9223372036854775808', -(2n ** 63n)],
    ['Integer', '1.638435E9', 1638435000],
    ['Float', '1.5', 1.5],
    ['Boolean', 1, true],
    ['Boolean', 0n, false],
    ['Boolean', 'TRUE', true],
    ['String', 7, '7'],
    ['String', true, 'true'],
    ['String', Buffer.from('Zoë'), 'Zoë'],
  ]
  for (const [type, value, wanted] of loose) {
    it(`${type} accepts ${typeof value} ${formatValue(value)} with a warning`, () => {
      const warnings: string[] = []
      assert.deepEqual(
        coerce(value, type, (message) => warnings.push(message)),
        wanted,
      )
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /converted to/)
    })
  }

  it('Time accepts numbers from 1e11 on, or their text, as milliseconds from an application', () => {
    const at = new Date(1_796_100_000_000)
    for (const value of [1_796_100_000_000, 1_796_100_000_000n, '1796100000000', at]) {
      assert.deepEqual(toType(value, 'Time'), at)
    }
    assert.deepEqual(toType(99_999_999_999, 'Time'), new Date(99_999_999_999_000))
    assert.deepEqual(toType(1_796_100_000, 'Time'), at)
    assert.equal(isMilliseconds(at), false)
    assert.equal(isMilliseconds('1e11'), true)
    assert.equal(isMilliseconds(' '), false)
    // Values of a device are never interpreted as milliseconds.
    assert.deepEqual(coerce(1e12, 'Time'), new Date(1e15))
  })

  it('rejects an invalid Date for a Time', () => {
    const invalid = new Date(NaN)
    assert.throws(() => toType(invalid, 'Time'), /not a valid Time \(a valid Date/)
    assert.throws(() => secondsOf(invalid), ValueError)
    for (const format of [0, 60, 110, 112, 11542, 11543, 11544]) {
      for (const path of ['/3/0/13', '/40000/0/1']) {
        const records = [{ path: Path.parse(path), value: invalid }]
        const context = {
          base: Path.parse(path),
          resource: ({ object, resource }: Path) =>
            builtinModel()
              .object(object ?? -1)
              ?.resources.get(resource ?? -1),
        }
        assert.throws(() => encode(format, records, context), EncodeError, `${format} ${path}`)
      }
    }
  })

  const unfit: readonly (readonly [ResourceType, Value])[] = [
    ['Integer', 1.5],
    ['Integer', NaN],
    ['Integer', 2n ** 63n],
    ['Integer', 1e30],
    ['Integer', '99999999999999999999'],
    ['Integer', '12345678901234567.0'],
    ['Integer', ''],
    ['Integer', bytes(1)],
    ['Unsigned Integer', -1],
    ['Unsigned Integer', 2n ** 64n],
    ['Float', 'x'],
    ['Float', '0x10'],
    ['Boolean', 2],
    ['Boolean', 'yes'],
    ['Opaque', 'q83v'],
    ['Opaque', 5],
    ['Time', 'noon'],
    ['Time', 1e15],
    ['Objlnk', '66'],
    ['Objlnk', '70000:0'],
    ['Objlnk', 66],
    ['String', bytes(0xff)],
    ['None', 'x'],
  ]
  for (const [type, value] of unfit) {
    it(`${type} returns ${typeof value} ${formatValue(value)} unchanged with a warning`, () => {
      const warnings: string[] = []
      assert.equal(
        coerce(value, type, (message) => warnings.push(message)),
        value,
      )
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', new RegExp(`is not a valid ${type}`))
    })
  }

  it('reject invalid values of an application, and say what is expected', () => {
    const refused = (value: Value, type: ResourceType, message: RegExp): void => {
      assert.throws(
        () => toType(value, type),
        (error) =>
          error instanceof ValueError &&
          error.code === 'invalid-value' &&
          message.test(error.message),
      )
    }
    refused('full', 'Integer', /"full" is not a valid Integer \(a whole number of 64 bits\)/)
    refused(-1, 'Unsigned Integer', /from 0 to 2\^64-1/)
    refused('a', 'Opaque', /a Buffer, or text as hex with 0x or base64/)
    refused('x', 'Time', /ISO 8601/)
    refused('x', 'Objlnk', /"66:0"/)
    refused('x', 'None', /executed/)
    refused(bytes(0xff), 'String', /the bytes ff is not a valid String/)
  })

  it('are parsed from the text of a dialog', () => {
    assert.deepEqual(parseValue('0x00fF', 'Opaque'), bytes(0, 255))
    assert.deepEqual(parseValue('q83v', 'Opaque'), bytes(0xab, 0xcd, 0xef))
    assert.deepEqual(parseValue('2013-05-02T10:40:15Z', 'Time'), new Date(1367491215_000))
    assert.deepEqual(parseValue('1367491215', 'Time'), new Date(1367491215_000))
    assert.equal(parseValue('true', 'Boolean'), true)
    assert.equal(parseValue('18446744073709551615', 'Unsigned Integer'), UINT64_MAX)
    assert.equal(parseValue(' 5 ', 'String'), ' 5 ')
    assert.throws(() => parseValue('', 'Integer'), ValueError)
    assert.throws(() => parseValue('0x0', 'Opaque'), ValueError)
  })

  it('are parsed in linear time', () => {
    const took = cpuTime(() => {
      for (const text of [
        '1'.repeat(500_000) + 'x',
        ' '.repeat(500_000) + 'x',
        '1e' + '5'.repeat(500_000),
      ]) {
        for (const type of ['Integer', 'Float', 'Boolean', 'Time', 'Objlnk'] as const) {
          coerce(text, type)
        }
      }
    })
    assert.ok(took < 2000, `${took} ms`)
  })

  it('are formatted for display', () => {
    assert.equal(formatValue(bytes(0, 255)), '00ff')
    assert.equal(formatValue(new Date(1367491215_000)), '2013-05-02T10:40:15.000Z')
    assert.equal(formatValue(new Date(NaN)), 'invalid time')
    assert.equal(formatValue(new ObjectLink(66, 0)), '66:0')
    assert.equal(formatValue(UINT64_MAX), '18446744073709551615')
  })

  it('are compared by content', () => {
    assert.ok(sameValue(bytes(1, 2), new Uint8Array([1, 2])))
    assert.ok(!sameValue(bytes(1, 2), bytes(1)))
    assert.ok(sameValue(new Date(5), new Date(5)))
    assert.ok(!sameValue(new Date(5), new Date(6)))
    assert.ok(sameValue(new ObjectLink(1, 2), new ObjectLink(1, 2)))
    assert.ok(!sameValue(new ObjectLink(1, 2), new ObjectLink(1, 3)))
    assert.ok(sameValue(NaN, NaN))
    assert.ok(!sameValue(5, '5'))
    assert.ok(!sameValue(5, undefined))
    assert.ok(sameValue(undefined, undefined))
    assert.ok(sameValue(5n, 5))
    assert.ok(sameValue(0, -0))
    assert.ok(!sameValue(5n, '5'))
    assert.ok(!sameValue(2n ** 53n, 2 ** 53 + 2))
  })

  it('decode base64 in either alphabet, with or without padding', () => {
    for (const text of ['++//AA==', '--__AA', '++//\r\nAA==']) {
      assert.deepEqual(parseBase64(text), bytes(0xfb, 0xef, 0xff, 0))
    }
    assert.deepEqual(parseBase64(''), bytes())
    for (const text of ['a', 'ab=c', 'ab%c', '====']) assert.equal(parseBase64(text), undefined)
  })
})
