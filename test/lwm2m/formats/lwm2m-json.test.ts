import assert from 'node:assert/strict'
import { ContentFormat, decode, encode, EncodeError } from '../../../src/lwm2m/formats'
import { Path } from '../../../src/lwm2m/path'
import { ObjectLink } from '../../../src/lwm2m/value'
import {
  decoded,
  encoded,
  hex,
  malformed,
  mended,
  modelContext,
  NOW,
  plain,
} from '../support/vectors'

const { LWM2M_JSON } = ContentFormat
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

describe('LwM2M JSON (Core 1.0 §6.4.4)', () => {
  it('decodes the Device object of the specification', () => {
    const bytes = json({
      bn: '/3/0/',
      e: [
        { n: '0', sv: 'Open Mobile Alliance' },
        { n: '6/0', v: 1 },
        { n: '6/1', v: 5 },
        { n: '9', v: 100 },
        { n: '13', v: 1367491215 },
        { n: '16', sv: 'U' },
      ],
    })
    const values = {
      '/3/0/0': 'Open Mobile Alliance',
      '/3/0/6/0': 1,
      '/3/0/6/1': 5,
      '/3/0/9': 100,
      '/3/0/13': new Date(1367491215_000),
      '/3/0/16': 'U',
    }
    assert.deepEqual(decoded(LWM2M_JSON, bytes, '/3/0'), values)
    assert.deepEqual(decoded(LWM2M_JSON, bytes, '/3'), values)
    assert.equal(encoded(LWM2M_JSON, values, '/3/0').toString(), bytes.toString())
  })

  it('decodes values of every kind, typed by the format without a model', () => {
    const bytes = json({
      bn: '/40000/0/',
      bt: 0,
      e: [
        { n: '0', sv: 'x' },
        { n: '9', v: 1 },
        { n: '1', bv: true },
        { n: '2', ov: '66:0' },
      ],
    })
    assert.deepEqual(decoded(LWM2M_JSON, bytes, '/40000'), {
      '/40000/0/0': 'x',
      '/40000/0/9': 1,
      '/40000/0/1': true,
      '/40000/0/2': new ObjectLink(66, 0),
    })
  })

  it('decodes bytes in either base64 alphabet, and encodes them with padding', () => {
    const values = { '/0/0/3': hex('fbefff00') }
    assert.equal(
      encoded(LWM2M_JSON, values, '/0/0').toString(),
      '{"bn":"/0/0/","e":[{"n":"3","sv":"++//AA=="}]}',
    )
    for (const sv of ['++//AA==', '--__AA', '--__AA==']) {
      const bytes = json({ bn: '/0/0/', e: [{ n: '3', sv }] })
      assert.deepEqual(decoded(LWM2M_JSON, bytes, '/0/0'), values)
    }
  })

  it('decodes times, absolute and relative to now', () => {
    const path = Path.parse('/3303/0/5700')
    const bytes = json({
      bn: '/3303/0/',
      bt: 25_462_634,
      e: [
        { n: '5700', t: -5, v: 21 },
        { n: '5700', t: 1_700_000_000, v: 22.5 },
      ],
    })
    assert.deepEqual(decode(LWM2M_JSON, bytes, modelContext('/3303/0')), [
      { path, value: 21, time: NOW + (25_462_634 - 5) * 1000 },
      { path, value: 22.5, time: (25_462_634 + 1_700_000_000) * 1000 },
    ])
    const list = [{ path, value: 1.5, time: 1_700_000_000_250 }]
    const written = encode(LWM2M_JSON, list, modelContext('/3303/0'))
    assert.equal(
      written.toString(),
      '{"bn":"/3303/0/","e":[{"n":"5700","v":1.5,"t":1700000000.25}]}',
    )
    assert.deepEqual(decode(LWM2M_JSON, written, modelContext('/3303/0')), list)
  })

  it('accepts other forms of names that devices use', () => {
    const read = (pack: unknown, base: string): unknown => decoded(LWM2M_JSON, json(pack), base)
    assert.deepEqual(read({ e: [{ n: '/3/0/9', v: 5 }] }, '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(read({ bn: '/3/0/9', e: [{ v: 5 }] }, '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(read({ bn: '/3/0/9', e: [{ n: '', v: 5 }] }, '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(read({ e: [{ n: '', v: 5 }] }, '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(
      decoded(LWM2M_JSON, json({ bn: '/lwm2m/3/0/', e: [{ n: '9', v: 5 }] }), '/3/0', {
        root: 'lwm2m',
      }),
      { '/3/0/9': 5 },
    )
  })

  it('decodes names relative to the requested path without a base name', () => {
    const read = (pack: unknown, base: string): unknown => decoded(LWM2M_JSON, json(pack), base)
    assert.deepEqual(read({ e: [{ n: '9', v: 5 }] }, '/3/0'), { '/3/0/9': 5 })
    assert.deepEqual(read({ e: [{ n: '6/1', v: 5 }] }, '/3/0'), { '/3/0/6/1': 5 })
    assert.deepEqual(read({ e: [{ n: '0/9', v: 5 }] }, '/3'), { '/3/0/9': 5 })
    assert.deepEqual(read({ e: [{ n: '1', v: 5 }] }, '/3/0/6'), { '/3/0/6/1': 5 })
  })

  it('decodes and encodes integers beyond 2^53', () => {
    const bytes = Buffer.from('{"bn":"/0/0/","e":[{"n":"13","v":18446744073709551615}]}')
    const values = { '/0/0/13': 2n ** 64n - 1n }
    assert.deepEqual(decoded(LWM2M_JSON, bytes, '/0/0'), values)
    assert.deepEqual(encoded(LWM2M_JSON, values, '/0/0'), bytes)
  })

  it('converts values of the wrong kind with a warning', () => {
    const bytes = json({ bn: '/3/0/', e: [{ n: '9', sv: '75' }] })
    assert.deepEqual(mended(LWM2M_JSON, bytes, '/3/0', /converted to Integer/), { '/3/0/9': 75 })
  })

  it('delivers a value under the label of another type unchanged, with a warning', () => {
    const read = (said: unknown, path: string, warning: RegExp): unknown =>
      mended(LWM2M_JSON, json({ bn: path, e: [said] }), path, warning)[path]
    assert.equal(read({ sv: 'abc' }, '/3303/0/5700', /"abc" is not a valid Float/), 'abc')
    assert.equal(read({ v: '7' }, '/3/0/9', /converted to Integer/), 7)
    assert.equal(read({ ov: 'x' }, '/0/0/17', /"x" is not a valid Objlnk/), 'x')
    assert.equal(read({ bv: 'on' }, '/1/0/6', /"on" is not a valid Boolean/), 'on')
  })

  it('delivers text that is not valid UTF-8 as bytes, with a warning', () => {
    const bytes = Buffer.from(
      '{"bn":"/3/0/","e":[{"n":"0","sv":"A\xe4"},{"n":"9","v":5}]}',
      'latin1',
    )
    const context = modelContext('/3/0')
    assert.deepEqual(plain(decode(LWM2M_JSON, bytes, context)), {
      '/3/0/0': hex('41e4'),
      '/3/0/9': 5,
    })
    assert.match(
      context.warnings.join(),
      /not valid UTF-8, delivered as bytes.*the bytes 41e4 is not a valid String/,
    )
  })

  it('decodes null as no value', () => {
    const bytes = json({
      bn: '/3/0/',
      e: [
        { n: '0', sv: null },
        { n: '9', v: 5 },
      ],
    })
    assert.deepEqual(decoded(LWM2M_JSON, bytes, '/3/0'), { '/3/0/0': undefined, '/3/0/9': 5 })
  })

  it('accepts a base name that already has the id, or lacks its slash, with a warning', () => {
    const once = json({ bn: '/5/0/1', e: [{ n: '1', sv: 'coap://x' }] })
    assert.deepEqual(mended(LWM2M_JSON, once, '/5/0/1', /read as \/5\/0\/1/), {
      '/5/0/1': 'coap://x',
    })
    const bytes = json({ bn: '/3/0', e: [{ n: '0', sv: 'OMA' }] })
    assert.deepEqual(mended(LWM2M_JSON, bytes, '/3/0', /read as \/3\/0\/0/), { '/3/0/0': 'OMA' })
  })

  it('decodes an empty list', () => {
    assert.deepEqual(decoded(LWM2M_JSON, json({ bn: '/3/0/6', e: [] }), '/3/0/6'), {})
    assert.deepEqual(decoded(LWM2M_JSON, Buffer.alloc(0), '/3/0/6'), {})
  })

  it('accepts its number from before 1.0', () => {
    const bytes = json({ bn: '/3/0/', e: [{ n: '9', v: 5 }] })
    assert.deepEqual(decoded(ContentFormat.LEGACY_JSON, bytes, '/3/0'), { '/3/0/9': 5 })
  })

  const wrong: readonly (readonly [string, string])[] = [
    ['invalid JSON', '{'],
    ['an array', '[]'],
    ['missing entries', '{"bn":"/3/0/"}'],
    ['entries that are not a list', '{"e":{}}'],
    ['an entry that is a number', '{"e":[5]}'],
    ['a base name that is a number', '{"bn":3,"e":[]}'],
    ['a name that is a number', '{"e":[{"n":9,"v":5}]}'],
    ['an invalid path', '{"bn":"/x y/","e":[{"n":"9","v":5}]}'],
    ['a value that is a list', '{"bn":"/3/0/","e":[{"n":"9","v":[]}]}'],
    ['a value of an instance', '{"bn":"/3/0","e":[{"v":5}]}'],
    ['a time that is a string', '{"bn":"/3/0/","e":[{"n":"9","v":5,"t":"x"}]}'],
    ['a record outside the base path', '{"bn":"/4/0/","e":[{"n":"9","v":5}]}'],
  ]
  for (const [what, bytes] of wrong) {
    it(`rejects ${what}`, () => malformed(LWM2M_JSON, Buffer.from(bytes), '/3'))
  }

  it('cannot represent deletions and numbers that JSON lacks', () => {
    assert.throws(() => encoded(LWM2M_JSON, { '/3/0/9': undefined }, '/3/0'), EncodeError)
    assert.throws(() => encoded(LWM2M_JSON, { '/3303/0/5700': NaN }, '/3303/0'), EncodeError)
  })
})
