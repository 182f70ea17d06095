import assert from 'node:assert/strict'
import { ContentFormat, EncodeError } from '../../../src/lwm2m/formats'
import { ObjectLink } from '../../../src/lwm2m/value'
import { decoded, encoded, hex, malformed, mended, type Plain, TIMES } from '../support/vectors'

const { LWM2M_CBOR } = ContentFormat
/** The examples use an object 13 that differs from the registry. */
const untyped = { resource: undefined }

describe('LwM2M CBOR (Core 1.2 §7.4.6)', () => {
  it('decodes time in every form of RFC 8949 §3.4.1 and §3.4.2', () => {
    for (const time of ['1a514b67b0', ...TIMES]) {
      assert.deepEqual(decoded(LWM2M_CBOR, hex(`a1 83 03 00 0d ${time}`), '/3/0/13'), {
        '/3/0/13': new Date(1_363_896_240_000),
      })
    }
    // A time is not a valid key.
    malformed(LWM2M_CBOR, hex('a1 c1 1a514b67b0 05'), '/')
  })

  const examples: readonly (readonly [string, string, Plain])[] = [
    ['a resource by its path', 'BF 83 0D 18 1A 01 18 2A FF', { '/13/26/1': 42 }],
    [
      'values below an instance',
      'BF 82 0D 18 1A BF 01 18 2A 03 BF 15 FB40516B851EB851EC 18 25 F4 FF FF FF',
      { '/13/26/1': 42, '/13/26/3/21': 69.68, '/13/26/3/37': false },
    ],
    [
      'several objects',
      'BF 0D BF 18 1A BF 01 18 2A 02 15 FF FF 0E BF 18 1B BF 01 18 2B 02 16 FF FF FF',
      { '/13/26/1': 42, '/13/26/2': 21, '/14/27/1': 43, '/14/27/2': 22 },
    ],
    ['maps of definite length', 'A1 0D A1 18 1A A1 01 18 2A', { '/13/26/1': 42 }],
    ['arrays of one id', 'A1 81 0D A1 81 18 1A A1 81 01 18 2A', { '/13/26/1': 42 }],
    [
      'paths of several lengths',
      'A2 82 0D 18 1A A1 01 18 2A 83 0D 18 1A 02 15',
      { '/13/26/1': 42, '/13/26/2': 21 },
    ],
    ['a decimal fraction', 'A1 83 0D 18 1A 01 C4 82 20 18 2D', { '/13/26/1': 4.5 }],
    ['bytes in pieces', 'A1 83 0D 18 1A 01 5F 41 AB 42 CDEF FF', { '/13/26/1': hex('abcdef') }],
    ['an object link', 'A1 83 0D 18 1A 01 65 31323A3334', { '/13/26/1': '12:34' }],
    ['an end device', 'A1 84 64 64657631 0D 18 1A 01 18 2A', { '/dev1/13/26/1': 42 }],
    [
      'an end device above its objects',
      'A1 64 64657631 A1 0D A1 18 1A A1 01 18 2A',
      { '/dev1/13/26/1': 42 },
    ],
    ['a null', 'A1 82 0D 18 1A A2 01 F6 02 15', { '/13/26/1': undefined, '/13/26/2': 21 }],
    ['an empty map', 'A0', {}],
  ]
  for (const [what, bytes, values] of examples) {
    it(`decodes ${what}`, () => {
      assert.deepEqual(decoded(LWM2M_CBOR, hex(bytes), '/', untyped), values)
    })
  }

  it('decodes values by the model', () => {
    const bytes = hex('A1 82 00 00 A3 03 43 ABCDEF 0D 1B FFFFFFFFFFFFFFFF 11 64 32313A33')
    assert.deepEqual(decoded(LWM2M_CBOR, bytes, '/0/0'), {
      '/0/0/3': hex('abcdef'),
      '/0/0/13': 2n ** 64n - 1n,
      '/0/0/17': new ObjectLink(21, 3),
    })
    const device = hex('A1 82 03 00 A2 0D 1A 5182428F 06 A2 00 01 01 05')
    assert.deepEqual(decoded(LWM2M_CBOR, device, '/3/0'), {
      '/3/0/13': new Date(1367491215_000),
      '/3/0/6/0': 1,
      '/3/0/6/1': 5,
    })
  })

  it('encodes the base path as one key and the rest nested', () => {
    const device = { '/3/0/9': 100, '/3/0/6/0': 1, '/3/0/6/1': 5 }
    assert.deepEqual(
      encoded(LWM2M_CBOR, device, '/3/0'),
      hex('A1 82 03 00 A2 09 18 64 06 A2 00 01 01 05'),
    )
    assert.deepEqual(encoded(LWM2M_CBOR, { '/3/0/9': 100 }, '/3/0/9'), hex('A1 83 03 00 09 18 64'))
    assert.deepEqual(
      encoded(LWM2M_CBOR, { '/3/0/9': 100, '/1/0/1': 60 }, '/'),
      hex('A2 03 A1 00 A1 09 18 64 01 A1 00 A1 01 18 3C'),
    )
    assert.deepEqual(
      encoded(LWM2M_CBOR, { '/dev1/3/0/9': 100 }, '/dev1/3/0/9'),
      hex('A1 84 64 64657631 03 00 09 18 64'),
    )
  })

  it('converts values with a warning', () => {
    const bytes = hex('A1 83 01 00 06 01')
    assert.deepEqual(mended(LWM2M_CBOR, bytes, '/1/0/6', /converted to Boolean/), {
      '/1/0/6': true,
    })
  })

  const wrong: readonly (readonly [string, string, string?])[] = [
    ['an id above 65535', 'A1 83 03 00 1A 00010000 05'],
    ['the reserved id 65535', 'A1 83 03 00 19 FFFF 05'],
    ['a negative id', 'A1 83 03 00 20 05'],
    ['more than four ids', 'A1 85 03 00 06 01 02 05'],
    ['more than four levels', 'A1 03 A1 00 A1 06 A1 01 A1 02 05'],
    ['a float as id', 'A1 83 03 00 F9 3C00 05'],
    ['a text as id', 'A1 83 03 00 61 39 05'],
    ['a boolean as id', 'A1 83 03 00 F5 05'],
    ['a prefix with a slash', 'A1 84 63 612F62 03 00 09 05'],
    ['a path outside the requested path', 'A1 83 04 00 09 05', '/3/0'],
    ['a value of an instance', 'A1 82 03 00 05'],
    ['an array as value', 'A1 83 03 00 09 81 05'],
    ['an array', '81 05'],
    ['a number', '05'],
    ['truncated input', 'A1 83 03 00 09'],
    ['an open map', 'BF 83 03 00 09 05'],
  ]
  for (const [what, bytes, base] of wrong) {
    it(`rejects ${what}`, () => malformed(LWM2M_CBOR, hex(bytes), base ?? '/'))
  }

  it('cannot represent the root', () => {
    assert.throws(() => encoded(LWM2M_CBOR, { '/': undefined }, '/'), EncodeError)
  })
})
