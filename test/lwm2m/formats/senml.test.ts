import assert from 'node:assert/strict'
import {
  ContentFormat,
  decode,
  decodePaths,
  encode,
  EncodeError,
  encodePaths,
} from '../../../src/lwm2m/formats'
import type { CodecContext } from '../../../src/lwm2m/formats/codec'
import { Path } from '../../../src/lwm2m/path'
import { ObjectLink, type Value } from '../../../src/lwm2m/value'
import {
  decoded,
  encoded,
  hex,
  malformed,
  mended,
  modelContext,
  NOW,
  plain,
  type Plain,
  records,
  TIMES,
} from '../support/vectors'
import { cpuTime } from '../../support/cpu-time'

const { SENML_JSON, SENML_CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR } = ContentFormat

/** A text as CBOR: its hex with a header for up to 23 bytes. */
function text(value: string): string {
  const bytes = Buffer.from(value)
  assert.ok(bytes.length < 24)
  return (0x60 + bytes.length).toString(16) + bytes.toString('hex')
}

const json = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

const DEVICE: Plain = {
  '/3/0/0': 'Open Mobile Alliance',
  '/3/0/1': 'Lightweight M2M Client',
  '/3/0/2': '345000123',
  '/3/0/3': '1.0',
  '/3/0/6/0': 1,
  '/3/0/6/1': 5,
  '/3/0/7/0': 3800,
  '/3/0/7/1': 5000,
  '/3/0/8/0': 125,
  '/3/0/8/1': 900,
  '/3/0/9': 100,
  '/3/0/10': 15,
  '/3/0/11/0': 0,
  '/3/0/13': new Date(1367491215_000),
  '/3/0/14': '+02:00',
  '/3/0/16': 'U',
}

describe('SenML CBOR (RFC 8428 §6)', () => {
  it('decodes the Device object of the specification', () => {
    const bytes = hex(
      `90 a3 21 ${text('/3/0/')} 00 ${text('0')} 03 ${text('Open Mobile Alliance')}
       a2 00 ${text('1')} 03 ${text('Lightweight M2M Client')}
       a2 00 ${text('2')} 03 ${text('345000123')}
       a2 00 ${text('3')} 03 ${text('1.0')}
       a2 00 ${text('6/0')} 02 01       a2 00 ${text('6/1')} 02 05
       a2 00 ${text('7/0')} 02 190ed8   a2 00 ${text('7/1')} 02 191388
       a2 00 ${text('8/0')} 02 187d     a2 00 ${text('8/1')} 02 190384
       a2 00 ${text('9')} 02 1864       a2 00 ${text('10')} 02 0f
       a2 00 ${text('11/0')} 02 00      a2 00 ${text('13')} 02 1a5182428f
       a2 00 ${text('14')} 03 ${text('+02:00')}
       a2 00 ${text('16')} 03 ${text('U')}`,
    )
    assert.equal(bytes.subarray(0, 12).toString('hex'), '90a321652f332f302f006130')
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/3/0'), DEVICE)
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/3'), DEVICE)
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/'), DEVICE)
    assert.deepEqual(encoded(SENML_CBOR, DEVICE, '/3/0'), bytes)
  })

  it('decodes opaque bytes of one resource', () => {
    const bytes = hex('81a221662f302f302f330843abcdef')
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/0/0/3'), { '/0/0/3': hex('abcdef') })
    assert.deepEqual(encoded(SENML_CBOR, { '/0/0/3': hex('abcdef') }, '/0/0/3'), bytes)
  })

  it('decodes a half float, and keys in any order', () => {
    const bytes = hex('81a202f95cb0216b2f333434322f302f313330')
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/3442/0/130'), { '/3442/0/130': 300 })
  })

  it('encodes a Write-Composite', () => {
    const bytes = hex(
      `83 a3 21 61 2f 00 65 ${Buffer.from('1/0/2').toString('hex')} 02 1865
       a2 00 65 ${Buffer.from('1/0/6').toString('hex')} 04 f5
       a2 00 66 ${Buffer.from('3/0/13').toString('hex')} 02 00`,
    )
    const values = { '/1/0/2': 101, '/1/0/6': true, '/3/0/13': new Date(0) }
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/'), values)
    assert.deepEqual(encoded(SENML_CBOR, values, '/'), bytes)
  })

  it('decodes numbers of every kind', () => {
    const value = (type: string, bytes: string): unknown => {
      const path = { float: '/3303/0/5700', integer: '/1/0/1', unsigned: '/0/0/13' }[type] as string
      return decoded(SENML_CBOR, hex(`81 a2 21 ${text(path)} 02 ${bytes}`), path)[path]
    }
    assert.equal(value('float', 'c4 82 20 18 2d'), 4.5)
    assert.equal(value('float', 'c4 82 01 02'), 20)
    assert.equal(value('float', 'fa 41ac0000'), 21.5)
    assert.equal(value('float', 'fb 4035666666666666'), 21.4)
    assert.equal(value('float', 'f9 3c00'), 1)
    assert.equal(value('float', '05'), 5)
    assert.equal(value('integer', 'fb 41d86a1b98c00000'), 1638428259)
    assert.equal(value('integer', '1b 7fffffffffffffff'), 2n ** 63n - 1n)
    assert.equal(value('integer', '3b 7fffffffffffffff'), -(2n ** 63n))
    assert.equal(value('unsigned', '1b ffffffffffffffff'), 2n ** 64n - 1n)
    assert.equal(value('unsigned', 'c2 48 ffffffffffffffff'), 2n ** 64n - 1n)
    assert.equal(value('integer', '1b 001fffffffffffff'), Number.MAX_SAFE_INTEGER)
    assert.equal(value('integer', '1b 0000000000000007'), 7)
  })

  it('encodes 64-bit integers exactly, in the shortest form', () => {
    const of = (path: string, value: number | bigint): string =>
      encoded(SENML_CBOR, { [path]: value }, path)
        .toString('hex')
        .split(text(path) + '02')[1] ?? ''
    assert.equal(of('/1/0/1', 23), '17')
    assert.equal(of('/1/0/1', 24), '1818')
    assert.equal(of('/1/0/1', -1), '20')
    assert.equal(of('/1/0/1', 65_536), '1a00010000')
    assert.equal(of('/1/0/1', 2 ** 32), '1b0000000100000000')
    assert.equal(of('/1/0/1', -(2 ** 32) - 1), '3b0000000100000000')
    assert.equal(of('/1/0/1', 2n ** 63n - 1n), '1b7fffffffffffffff')
    assert.equal(of('/1/0/1', -(2n ** 63n)), '3b7fffffffffffffff')
    assert.equal(of('/0/0/13', 2n ** 64n - 1n), '1bffffffffffffffff')
  })

  it('decodes indefinite arrays, maps and strings', () => {
    const bytes = hex(
      `9f bf 21 7f 62 2f33 63 2f302f ff 00 61 39 02 05 ff a2 00 61 30 03 7f 61 61 61 62 ff ff`,
    )
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/3/0'), { '/3/0/9': 5, '/3/0/0': 'ab' })
    const opaque = hex(`81 a2 21 ${text('/0/0/3')} 08 5f 41 ab 42 cdef ff`)
    assert.deepEqual(decoded(SENML_CBOR, opaque, '/0/0/3'), { '/0/0/3': hex('abcdef') })
  })

  it('uses the label "vlo" for object links', () => {
    const bytes = hex(`81 a2 21 ${text('/0/0/17')} 63 766c6f ${text('21:3')}`)
    const values = { '/0/0/17': new ObjectLink(21, 3) }
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/0/0/17'), values)
    assert.deepEqual(encoded(SENML_CBOR, values, '/0/0/17'), bytes)
    assert.deepEqual(decoded(SENML_CBOR, bytes, '/', { resource: undefined }), values)
  })

  it('decodes time in every form of RFC 8949 §3.4.1 and §3.4.2, and as a plain number', () => {
    const at = new Date(1_363_896_240_000)
    for (const value of ['1a514b67b0', ...TIMES]) {
      for (const label of ['02', '03']) {
        const bytes = hex(`81 a2 21 ${text('/3/0/13')} ${label} ${value}`)
        const read = (): unknown => decoded(SENML_CBOR, bytes, '/3/0/13')
        if (label === '02' || value !== '1a514b67b0') assert.deepEqual(read(), { '/3/0/13': at })
      }
    }
  })

  it('delivers text that is not valid UTF-8 as bytes, with a warning, and the other values', () => {
    const bytes = hex(
      `83 a3 21 ${text('/3/0/')} 00 6130 03 63 41e442 a2 00 6131 03 6142 a2 00 6139 02 05`,
    )
    const context = modelContext('/3/0')
    assert.deepEqual(plain(decode(SENML_CBOR, bytes, context)), {
      '/3/0/0': hex('41e442'),
      '/3/0/1': 'B',
      '/3/0/9': 5,
    })
    assert.deepEqual(context.warnings, [
      'CBOR: a text is not valid UTF-8, delivered as bytes',
      'SenML: /3/0/0: the bytes 41e442 is not a valid String',
    ])
  })

  it('delivers a value under the label of another type unchanged, with a warning', () => {
    const number = hex(`81 a2 00 ${text('/3/0/9')} 02 41 05`)
    assert.deepEqual(mended(SENML_CBOR, number, '/', /the bytes 05 is not a valid Integer/), {
      '/3/0/9': hex('05'),
    })
    const word = hex(`81 a2 00 ${text('/3303/0/5700')} 03 ${text('abc')}`)
    assert.deepEqual(mended(SENML_CBOR, word, '/', /"abc" is not a valid Float/), {
      '/3303/0/5700': 'abc',
    })
    const unknown = hex(`81 a2 00 ${text('/40000/0/1')} 04 ${text('abc')}`)
    assert.deepEqual(mended(SENML_CBOR, unknown, '/', /not of its label/), { '/40000/0/1': 'abc' })
  })

  it('decodes an empty answer', () => {
    assert.deepEqual(decoded(SENML_CBOR, hex('80'), '/3/0/6'), {})
    assert.deepEqual(decoded(SENML_CBOR, hex(''), '/3/0/6'), {})
    assert.deepEqual(encoded(SENML_CBOR, {}, '/3/0/6'), hex('80'))
  })

  const malformedCbor: readonly (readonly [string, string])[] = [
    ['truncated input', '82 a1 00 61'],
    ['a number', '05'],
    ['records that are numbers', '81 05'],
    ['a name that is a number', '81 a2 00 05 02 05'],
    ['an invalid path', `81 a2 00 ${text('battery')} 02 05`],
    ['an id out of range', `81 a2 00 ${text('/70000/0/1')} 02 05`],
    ['a path of five ids', `81 a2 00 ${text('/1/2/3/4/5')} 02 05`],
    ['a value of an instance', `81 a2 00 ${text('/3/0')} 02 05`],
    ['a name with relative segments', `81 a2 00 ${text('/3/0/../../etc')} 02 05`],
    ['two documents', `81 a2 00 ${text('/3/0/9')} 02 05 80`],
    ['an unknown critical label', `81 a3 00 ${text('/3/0/9')} 02 05 ${text('x_')} 01`],
    ['a later version', `81 a3 20 0b 00 ${text('/3/0/9')} 02 05`],
    ['a generic object (tag 27)', `81 a2 00 ${text('/3/0/9')} 02 d81b 82 61 61 01`],
    ['a shared reference (tag 29)', `81 d81c a2 00 ${text('/3/0/9')} 02 d81d 00`],
    [
      'a decimal fraction with a huge exponent',
      `81 a2 00 ${text('/3/0/9')} 02 c4 82 1b 7fffffffffffffff 01 ff`,
    ],
    ['a huge bignum', `81 a2 00 ${text('/3/0/9')} 02 c2 58 40 ${'ff'.repeat(64)}`],
    ['an array of 2^32 items', '9a ffffffff'],
    ['a byte string of 2^62', '5b 4000000000000000'],
    ['a lone break', 'ff'],
    ['a reserved length', '1c'],
    ['an unassigned simple value', 'e0'],
    ['1000 nested arrays', '81'.repeat(1000)],
    ['nested tags', 'c1'.repeat(1000) + '00'],
    ['a name that is not valid UTF-8', '81 a2 00 62 c328 02 05'],
  ]
  for (const [what, bytes] of malformedCbor) {
    it(`rejects ${what}`, () => malformed(SENML_CBOR, hex(bytes), '/'))
  }
})

describe('SenML JSON (RFC 8428 §5)', () => {
  it('decodes the Device object', () => {
    const bytes = json(
      '[{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},{"n":"1","vs":"Lightweight M2M Client"},' +
        '{"n":"2","vs":"345000123"},{"n":"3","vs":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},' +
        '{"n":"7/0","v":3800},{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},' +
        '{"n":"9","v":100},{"n":"10","v":15},{"n":"11/0","v":0},{"n":"13","v":1367491215},' +
        '{"n":"14","vs":"+02:00"},{"n":"16","vs":"U"}]',
    )
    assert.deepEqual(decoded(SENML_JSON, bytes, '/3/0'), DEVICE)
    assert.equal(encoded(SENML_JSON, DEVICE, '/3/0').toString(), bytes.toString())
  })

  it('encodes opaque as base64url without padding, and decodes both alphabets with or without', () => {
    const path = '/0/0/3'
    const bytes = hex('fbefffabcd')
    assert.equal(
      encoded(SENML_JSON, { [path]: bytes }, path).toString(),
      '[{"bn":"/0/0/3","vd":"--__q80"}]',
    )
    for (const vd of ['--__q80', '--__q80=', '++//q80', '++//q80=']) {
      assert.deepEqual(decoded(SENML_JSON, json([{ n: path, vd }]), path), { [path]: bytes })
    }
    assert.deepEqual(decoded(SENML_JSON, json([{ n: path, vd: 'q83v' }]), path), {
      [path]: hex('abcdef'),
    })
    // Bytes under the label of strings: the model has precedence.
    assert.deepEqual(decoded(SENML_JSON, json([{ n: path, vs: 'q83v' }]), path), {
      [path]: hex('abcdef'),
    })
  })

  it('decodes numbers beyond 2^53 exactly', () => {
    const read = (path: string, number: string): unknown =>
      decoded(SENML_JSON, json(`[{"n":"${path}","v":${number}}]`), path)[path]
    assert.equal(read('/0/0/13', '18446744073709551615'), 18446744073709551615n)
    assert.equal(read('/1/0/1', '-9223372036854775808'), -9223372036854775808n)
    assert.equal(read('/1/0/1', '9007199254740993'), 9007199254740993n)
    assert.equal(read('/1/0/1', '9007199254740991'), 9007199254740991)
    assert.equal(read('/1/0/1', '1.638435E9'), 1638435000)
    assert.equal(read('/1/0/1', '1000.0'), 1000)
    assert.equal(read('/3303/0/5700', '0.1234567890123456789'), 0.12345678901234568)
    assert.equal(
      encoded(SENML_JSON, { '/0/0/13': 18446744073709551615n }, '/0/0/13').toString(),
      '[{"bn":"/0/0/13","v":18446744073709551615}]',
    )
  })

  it('keeps digits in texts as texts', () => {
    const vs = '12345678901234567890 "9007199254740993" \\ \u0000123'
    const bytes = json([
      { bn: '/3/0/', n: '0', vs },
      { n: '9', v: 5 },
    ])
    assert.deepEqual(decoded(SENML_JSON, bytes, '/3/0'), { '/3/0/0': vs, '/3/0/9': 5 })
  })

  it('resolves base fields: names, times, values', () => {
    const bytes = json([
      { bn: '/3303/0/', bt: 1_600_000_000, bv: 20, n: '5700', v: 1.5 },
      { n: '5700', t: -60, v: 1 },
      { bn: '/3303/1/', bv: 0, n: '5700', t: 5 },
    ])
    assert.deepEqual(decode(SENML_JSON, bytes, modelContext('/3303')), [
      { path: Path.parse('/3303/0/5700'), value: 21.5, time: 1_600_000_000_000 },
      { path: Path.parse('/3303/0/5700'), value: 21, time: 1_599_999_940_000 },
      { path: Path.parse('/3303/1/5700'), value: 0, time: 1_600_000_005_000 },
    ])
  })

  it('accepts a record that only sets base fields', () => {
    const bytes = json([{ bn: '/3/0/' }, { n: '9', v: 5 }])
    assert.deepEqual(decoded(SENML_JSON, bytes, '/3/0'), { '/3/0/9': 5 })
  })

  it('interprets times below 2^28 as relative to now, others as absolute (RFC 8428 §4.5.3)', () => {
    const time = (fields: object): number | undefined =>
      decode(SENML_JSON, json([{ n: '/3/0/9', v: 1, ...fields }]), modelContext('/'))[0]?.time
    assert.equal(time({}), undefined)
    assert.equal(time({ t: -5 }), NOW - 5000)
    assert.equal(time({ t: 321 }), NOW + 321_000)
    assert.equal(time({ bt: -100, t: 40.5 }), NOW - 59_500)
    assert.equal(time({ t: 2 ** 28 }), 2 ** 28 * 1000)
    assert.equal(time({ t: 1_700_000_000.125 }), 1_700_000_000_125)
    assert.equal(time({ bt: 1_700_000_000, t: -1 }), 1_699_999_999_000)
    assert.equal(time({ t: 1e300 }), undefined)
  })

  it('decodes several times of one resource, as sent by Send', () => {
    const list = [
      { path: Path.parse('/3303/0/5700'), value: 21.5, time: 1_700_000_000_000 },
      { path: Path.parse('/3303/0/5700'), value: 22, time: 1_700_000_060_250 },
      { path: Path.parse('/3/0/1'), value: 'x' },
    ]
    const bytes = encode(SENML_JSON, list, modelContext('/'))
    assert.deepEqual(JSON.parse(bytes.toString()), [
      { bn: '/', n: '3303/0/5700', t: 1_700_000_000, v: 21.5 },
      { n: '3303/0/5700', t: 1_700_000_060.25, v: 22 },
      { n: '3/0/1', vs: 'x' },
    ])
    assert.deepEqual(decode(SENML_JSON, bytes, modelContext('/')), list)
  })

  it('accepts one record without an array', () => {
    assert.deepEqual(decoded(SENML_JSON, json({ n: '/3/0/9', v: 5 }), '/3/0/9'), { '/3/0/9': 5 })
  })

  it('converts values of the wrong kind with a warning', () => {
    const one = (path: string, field: object, warning: RegExp): unknown =>
      mended(SENML_JSON, json([{ n: path, ...field }]), path, warning)[path]
    assert.equal(one('/1/0/6', { v: 1 }, /converted to Boolean/), true)
    assert.equal(one('/1/0/6', { vb: 0 }, /converted to Boolean/), false)
    assert.equal(one('/3/0/9', { vs: '75' }, /converted to Integer/), 75)
    assert.equal(one('/3/0/0', { v: 7 }, /converted to String/), '7')
    assert.equal(one('/3/0/9', { vb: true }, /converted to Integer/), 1)
    // Values that cannot be converted are delivered unchanged.
    assert.equal(one('/3/0/9', { v: 1.5 }, /1\.5 is not a valid Integer/), 1.5)
    assert.equal(one('/3/0/9', { vs: 'full' }, /"full" is not a valid Integer/), 'full')
    assert.equal(one('/0/0/13', { v: -127 }, /-127 is not a valid Unsigned Integer/), -127)
    assert.equal(one('/1/0/1', { v: 1e30 }, /is not a valid Integer/), 1e30)
    assert.equal(one('/0/0/17', { vlo: 'x' }, /is not a valid Objlnk/), 'x')
    assert.deepEqual(decoded(SENML_JSON, json([{ n: '/0/0/17', vs: '21:0' }]), '/'), {
      '/0/0/17': new ObjectLink(21, 0),
    })
  })

  it('decodes values without a model by the types of the format', () => {
    const bytes = json([
      { bn: '/40000/0/', n: '0', v: 1.5 },
      { n: '1', vs: 'x' },
      { n: '2', vb: true },
      { n: '3', vd: 'AQ' },
      { n: '4', vlo: '3:0' },
    ])
    assert.deepEqual(decoded(SENML_JSON, bytes, '/40000'), {
      '/40000/0/0': 1.5,
      '/40000/0/1': 'x',
      '/40000/0/2': true,
      '/40000/0/3': Buffer.from([1]),
      '/40000/0/4': new ObjectLink(3, 0),
    })
  })

  it('decodes names below an alternate root', () => {
    const extra = { root: 'lwm2m' }
    const bytes = json([
      { bn: '/lwm2m/3/0/', n: '9', v: 5 },
      { n: '10', v: 6 },
    ])
    const values = { '/3/0/9': 5, '/3/0/10': 6 }
    assert.deepEqual(decoded(SENML_JSON, bytes, '/3/0', extra), values)
    assert.deepEqual(encoded(SENML_JSON, values, '/3/0', extra), bytes)
    // Some devices omit the root.
    assert.deepEqual(decoded(SENML_JSON, json([{ n: '/3/0/9', v: 5 }]), '/3/0', extra), {
      '/3/0/9': 5,
    })
  })

  it('decodes names of an end device behind a gateway', () => {
    const bytes = json([
      { bn: '/d01/3303/0/', n: '5700', v: 21.5 },
      { n: '5701', vs: 'Cel' },
    ])
    const values = { '/d01/3303/0/5700': 21.5, '/d01/3303/0/5701': 'Cel' }
    assert.deepEqual(decoded(SENML_JSON, bytes, '/d01/3303/0'), values)
    assert.deepEqual(decoded(SENML_JSON, bytes, '/'), values)
    assert.deepEqual(encoded(SENML_JSON, values, '/d01/3303/0'), bytes)
    malformed(SENML_JSON, bytes, '/3303/0', /not within/)
  })

  const malformedJson: readonly (readonly [string, string | Buffer])[] = [
    ['invalid JSON', 'hello'],
    ['truncated input', '[{"n":"/3/0/9","v":5}'],
    ['invalid UTF-8', Buffer.from([0x5b, 0xff, 0x5d])],
    ['a number', '5'],
    ['null', 'null'],
    ['records that are strings', '["x"]'],
    ['a name that is a number', '[{"n":5,"v":5}]'],
    ['an invalid path', '[{"n":"battery","v":5}]'],
    ['a value that is an object', '[{"n":"/3/0/9","v":{}}]'],
    ['an unknown critical label', '[{"n":"/3/0/9","v":5,"x_":1}]'],
    ['a later version', '[{"bver":11,"n":"/3/0/9","v":5}]'],
    ['a time that is a string', '[{"n":"/3/0/9","v":5,"t":"now"}]'],
    ['arrays nested too deeply', '['.repeat(100_000)],
    ['objects nested too deeply', '{"v":'.repeat(50_000)],
  ]
  for (const [what, bytes] of malformedJson) {
    it(`rejects ${what}`, () => malformed(SENML_JSON, Buffer.from(bytes), '/'))
  }

  const wrongLabels: readonly (readonly [string, string, Value])[] = [
    ['/3/0/9', '"vs":5', 5],
    ['/0/0/3', '"vd":"%%"', '%%'],
    ['/3/0/0', '"vs":18446744073709551615', '18446744073709551615'],
    ['/3303/0/5700', '"vs":"abc"', 'abc'],
    ['/3303/0/5700', '"v":"1.5"', 1.5],
    ['/1/0/6', '"vb":"yes"', 'yes'],
    ['/40000/0/1', '"v":"abc"', 'abc'],
    ['/0/0/17', '"vlo":5', 5],
  ]
  for (const [path, said, value] of wrongLabels) {
    it(`decodes ${said} at ${path} as far as possible, with a warning if the type differs`, () => {
      const context = modelContext('/')
      const bytes = json(`[{"n":"${path}",${said}}]`)
      assert.deepEqual(plain(decode(SENML_JSON, bytes, context)), { [path]: value })
      // The label of a number is valid for any numeric type.
      assert.equal(context.warnings.length, said === '"vs":5' ? 0 : 1, context.warnings.join())
    })
  }

  it('delivers text that is not valid UTF-8 as bytes, with a warning, and the other values correctly', () => {
    const bytes = Buffer.concat([
      Buffer.from('[{"bn":"/3/0/","n":"0","vs":"A'),
      Buffer.from([0xe4]),
      Buffer.from(
        'B\\u00fc"},{"n":"1","vs":"Zoë \\u00eb\\ud83d\\ude00\\n\\u0022"},{"n":"9","v":5},',
      ),
      Buffer.from('{"n":"13","v":9007199254740993}]'),
    ])
    const context = modelContext('/3/0', { resource: undefined })
    assert.deepEqual(plain(decode(SENML_JSON, bytes, context)), {
      '/3/0/0': hex('41e442c3bc'),
      '/3/0/1': 'Zoë ë\u{1f600}\n"',
      '/3/0/9': 5,
      '/3/0/13': 9007199254740993n,
    })
    assert.deepEqual(context.warnings, [
      'JSON: a text is not valid UTF-8, delivered as bytes',
      'SenML: /3/0/0: a value that is not of its label',
    ])
  })

  it('decodes null, and a record without a value, as no value', () => {
    for (const said of ['"vs":null', '"v":null', '"vlo":null', '"u":"x"']) {
      const bytes = json(`[{"n":"/3/0/0",${said}},{"n":"/3/0/9","v":5}]`)
      assert.deepEqual(decoded(SENML_JSON, bytes, '/3/0'), { '/3/0/0': undefined, '/3/0/9': 5 })
    }
  })

  const names: readonly (readonly [base: string, bn: string, n: string, path: string])[] = [
    ['/3/0', '/3/0', '9', '/3/0/9'],
    ['/3/0', '/3/0', '0', '/3/0/0'],
    ['/', '/3303/1', '5700', '/3303/1/5700'],
    ['/5/0/1', '/5/0/1', '1', '/5/0/1'],
    ['/3/0/6', '/3/0/6', '6', '/3/0/6/6'],
    ['/3/0/6', '/3/0/6', '0', '/3/0/6/0'],
  ]
  for (const [base, bn, n, path] of names) {
    it(`accepts base name ${bn} and name ${n} as ${path}, with a warning`, () => {
      const bytes = json([{ bn, n, v: 5 }])
      const context = modelContext(base)
      const found = decode(SENML_JSON, bytes, context)
      assert.deepEqual(
        found.map((record) => record.path.toString()),
        [path],
      )
      assert.match(context.warnings[0] ?? '', /base name and name .* read as/)
    })
  }

  it('warns of a time after now: the clock of the device is near 1970', () => {
    const bytes = json([{ n: '/3/0/9', v: 5, t: 321 }])
    const context = modelContext('/')
    const [record] = decode(SENML_JSON, bytes, context)
    assert.equal(record?.time, NOW + 321_000)
    assert.match(context.warnings[0] ?? '', /321 s after now: the clock of the device/)
  })

  it('rejects names that are not LwM2M paths, such as those of RFC 8428 §5.1.1', () => {
    const bytes = json('[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]')
    malformed(SENML_JSON, bytes, '/', /is not an LwM2M path/)
  })

  it('rejects a long base name before it is combined with thousands of names', () => {
    const bn = `${' '.repeat(400_000)}/3/0/`
    const bytes = json([{ bn }, ...Array.from({ length: 20_000 }, () => ({ n: '9', v: 1 }))])
    const took = cpuTime(() => malformed(SENML_JSON, bytes, '/', /too long/))
    assert.ok(took < 1000, `${took} ms`)
  })

  it('rejects records outside the requested path', () => {
    malformed(SENML_JSON, json([{ n: '/4/0/9', v: 5 }]), '/3', /\/4\/0\/9 is not within \/3/)
    malformed(SENML_JSON, json([{ n: '/3/1/9', v: 5 }]), '/3/0', /not within/)
  })

  it('cannot represent numbers that JSON lacks', () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      assert.throws(() => encoded(SENML_JSON, { '/3303/0/5700': value }, '/'), EncodeError)
      assert.throws(() => encoded(SENML_CBOR, { '/3303/0/5700': value }, '/'), EncodeError)
    }
  })
})

describe('composite requests (Core §7.4.4)', () => {
  const paths = [Path.parse('/3/0/0'), Path.parse('/1'), Path.parse('/3/0/6/1')]
  const context: Omit<CodecContext, 'base'> = { root: '' }

  it('list paths without values', () => {
    assert.deepEqual(JSON.parse(encodePaths(SENML_JSON, paths, context).toString()), [
      { bn: '/', n: '3/0/0' },
      { n: '1' },
      { n: '3/0/6/1' },
    ])
    assert.deepEqual(
      encodePaths(SENML_CBOR, paths, context),
      hex(`83 a2 21 ${text('/')} 00 ${text('3/0/0')} a1 00 ${text('1')} a1 00 ${text('3/0/6/1')}`),
    )
  })

  for (const format of [SENML_JSON, SENML_CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR]) {
    it(`are decoded in format ${format}, below a root and behind a gateway`, () => {
      const list = [...paths, Path.parse('/d1/3/0/9'), Path.ROOT]
      for (const root of ['', 'lwm2m']) {
        assert.deepEqual(decodePaths(format, encodePaths(format, list, { root }), { root }), list)
        assert.deepEqual(
          decodePaths(format, encodePaths(format, [Path.ROOT], { root }), { root }),
          [Path.ROOT],
        )
      }
    })
  }

  it('are decoded in the forms of other clients', () => {
    const read = (value: unknown): string[] =>
      decodePaths(SENML_JSON, json(value), context).map(String)
    assert.deepEqual(read([{ n: '/3/0/0' }, { n: '/1' }]), ['/3/0/0', '/1'])
    assert.deepEqual(read([{ n: '/' }]), ['/'])
    assert.deepEqual(read([{ bn: '/3/0/', n: '9' }, { n: '10' }]), ['/3/0/9', '/3/0/10'])
    assert.deepEqual(read([{ bn: '/3/0' }]), ['/3/0'])
    assert.deepEqual(read([{ bn: '/3/0/' }]), ['/3/0'])
  })

  it('are not supported by the other formats', () => {
    for (const format of [ContentFormat.TEXT, ContentFormat.TLV, ContentFormat.LWM2M_JSON]) {
      assert.throws(() => encodePaths(format, paths, context), EncodeError)
    }
  })
})

describe('SenML-ETCH (RFC 8790)', () => {
  const list = records({ '/3/0/14': '+02:00', '/5/1/0/3': undefined })

  it('encodes a deletion as null', () => {
    assert.equal(
      encode(SENML_ETCH_JSON, list, modelContext('/')).toString(),
      '[{"bn":"/","n":"3/0/14","vs":"+02:00"},{"n":"5/1/0/3","v":null}]',
    )
    assert.deepEqual(
      encode(SENML_ETCH_CBOR, list, modelContext('/')),
      hex(
        `82 a3 21 ${text('/')} 00 ${text('3/0/14')} 03 ${text('+02:00')} a2 00 ${text('5/1/0/3')} 02 f6`,
      ),
    )
  })

  it('decodes null under any label of a value', () => {
    for (const label of ['v', 'vs', 'vb', 'vd']) {
      const bytes = json([{ n: '/5/1/0/3', [label]: null }])
      assert.deepEqual(decoded(SENML_ETCH_JSON, bytes, '/'), { '/5/1/0/3': undefined })
    }
    for (const label of ['02', '03', '04', '08']) {
      const bytes = hex(`81 a2 00 ${text('/5/1/0/3')} ${label} f6`)
      assert.deepEqual(decoded(SENML_ETCH_CBOR, bytes, '/'), { '/5/1/0/3': undefined })
    }
  })
})
