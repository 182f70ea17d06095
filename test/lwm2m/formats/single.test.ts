import assert from 'node:assert/strict'
import { ContentFormat, decode, EncodeError } from '../../../src/lwm2m/formats'
import { ObjectLink, type Value } from '../../../src/lwm2m/value'
import {
  decoded,
  encoded,
  hex,
  malformed,
  mended,
  modelContext,
  type Plain,
  TIMES,
} from '../support/vectors'

const { TEXT, OCTET_STREAM, CBOR, LINK } = ContentFormat

/** The one value of an answer for `path`. */
function read(format: number, path: string, bytes: Buffer): Value | undefined {
  return decoded(format, bytes, path)[path]
}

describe('text/plain (Core §7.4.1)', () => {
  const values: readonly (readonly [path: string, text: string, value: Value])[] = [
    ['/3/0/0', 'Zoë', 'Zoë'],
    ['/3/0/0', '', ''],
    ['/3/0/0', ' 5 ', ' 5 '],
    ['/3/0/9', '-5', -5],
    ['/1/0/1', '9223372036854775807', 2n ** 63n - 1n],
    ['/1/0/1', '-9223372036854775808', -(2n ** 63n)],
    ['/0/0/13', '18446744073709551615', 2n ** 64n - 1n],
    ['/3303/0/5700', '-21.5', -21.5],
    ['/3303/0/5700', '0.0000001', 1e-7],
    ['/3303/0/5700', '1000000000000000000000', 1e21],
    ['/1/0/6', '1', true],
    ['/1/0/6', '0', false],
    ['/0/0/3', 'q83vAA==', hex('abcdef00')],
    ['/3/0/13', '1367491215', new Date(1367491215_000)],
    ['/0/0/17', '66:0', new ObjectLink(66, 0)],
    ['/0/0/17', '65535:65535', new ObjectLink(65535, 65535)],
    ['/25/0/3', '</3/0>,</3303/0>;ver=1.1', '</3/0>,</3303/0>;ver=1.1'],
  ]
  for (const [path, text, value] of values) {
    it(`decodes and encodes ${JSON.stringify(text)} of ${path}`, () => {
      assert.deepEqual(read(TEXT, path, Buffer.from(text)), value)
      assert.equal(encoded(TEXT, { [path]: value }, path).toString(), text)
    })
  }

  it('decodes bytes in either base64 alphabet, padded or not', () => {
    for (const text of ['++//AA==', '--__AA==', '--__AA', '++//AA']) {
      assert.deepEqual(read(TEXT, '/0/0/3', Buffer.from(text)), hex('fbefff00'))
    }
  })

  it('accepts other forms of numbers and booleans that devices use', () => {
    assert.equal(read(TEXT, '/3/0/9', Buffer.from('1.638435E9')), 1638435000)
    assert.equal(read(TEXT, '/3/0/9', Buffer.from('85.0')), 85)
    assert.equal(read(TEXT, '/3/0/9', Buffer.from('+85\n')), 85)
    assert.equal(read(TEXT, '/3303/0/5700', Buffer.from('1e-3')), 0.001)
    assert.equal(read(TEXT, '/1/0/6', Buffer.from('true')), true)
  })

  it('delivers text unchanged, with a warning, if it does not match the type', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['/3/0/9', 'full'],
      ['/3/0/9', '1.5'],
      ['/3/0/9', ''],
      ['/1/0/1', '9223372036854775808'],
      ['/0/0/13', '-1'],
      ['/1/0/6', '2'],
      ['/3303/0/5700', '0x10'],
      ['/0/0/17', '66'],
      ['/0/0/17', '66:70000'],
      ['/0/0/3', 'a'],
      ['/3/0/13', 'x'],
    ]
    for (const [path, text] of cases) {
      assert.equal(mended(TEXT, Buffer.from(text), path, /is no/)[path], text)
    }
  })

  it('decodes an unknown resource as text', () => {
    assert.equal(read(TEXT, '/40000/0/1', Buffer.from('5')), '5')
  })

  it('delivers bytes, with a warning, if it is not valid UTF-8', () => {
    for (const path of ['/3/0/0', '/3/0/9', '/40000/0/1']) {
      assert.deepEqual(mended(TEXT, hex('41ff'), path, /not valid UTF-8/), { [path]: hex('41ff') })
    }
  })

  it('rejects payloads except those of a resource', () => {
    malformed(TEXT, Buffer.from('5'), '/3/0', /cannot answer/)
  })

  it('holds one value', () => {
    assert.throws(() => encoded(TEXT, { '/3/0/6/0': 1, '/3/0/6/1': 2 }, '/3/0/6'), EncodeError)
    assert.throws(() => encoded(TEXT, {}, '/3/0/6'), EncodeError)
    assert.throws(() => encoded(TEXT, { '/3303/0/5700': NaN }, '/3303/0/5700'), EncodeError)
    assert.throws(
      () => encoded(TEXT, { '/3/0/9': 'x' }, '/3/0/9'),
      /\/3\/0\/9: "x" is not a valid Integer/,
    )
  })
})

describe('application/octet-stream (Core §7.4.2)', () => {
  it('passes bytes through', () => {
    const bytes = hex('00ff10')
    assert.deepEqual(read(OCTET_STREAM, '/0/0/3', bytes), bytes)
    assert.deepEqual(read(OCTET_STREAM, '/40000/0/1', bytes), bytes)
    assert.deepEqual(read(OCTET_STREAM, '/0/0/3', hex('')), hex(''))
    assert.deepEqual(encoded(OCTET_STREAM, { '/0/0/3': bytes }, '/0/0/3'), bytes)
  })

  it('accepts firmware of any size', () => {
    const image = Buffer.alloc(3 << 20, 7)
    assert.deepEqual(read(OCTET_STREAM, '/5/0/0', image), image)
  })

  it('delivers text if the model says so, otherwise bytes; both with a warning', () => {
    const bytes = Buffer.from('Zoë')
    assert.equal(mended(OCTET_STREAM, bytes, '/3/0/0', /String/)['/3/0/0'], 'Zoë')
    assert.deepEqual(mended(OCTET_STREAM, hex('05'), '/3/0/9', /Integer/)['/3/0/9'], hex('05'))
  })

  it('rejects payloads except those of a resource, and values except bytes', () => {
    malformed(OCTET_STREAM, hex('05'), '/3/0')
    assert.throws(() => encoded(OCTET_STREAM, { '/3/0/0': 'x' }, '/3/0/0'), EncodeError)
  })
})

describe('application/cbor (Core 1.1 §7.4.3)', () => {
  // Examples of RFC 8949 appendix A.
  const numbers: readonly (readonly [string, string, number | bigint])[] = [
    ['/1/0/1', '00', 0],
    ['/1/0/1', '17', 23],
    ['/1/0/1', '1818', 24],
    ['/1/0/1', '1903e8', 1000],
    ['/1/0/1', '1a000f4240', 1_000_000],
    ['/1/0/1', '1b000000e8d4a51000', 1_000_000_000_000],
    ['/0/0/13', '1bffffffffffffffff', 18446744073709551615n],
    ['/1/0/1', '20', -1],
    ['/1/0/1', '3863', -100],
    ['/1/0/1', '3903e7', -1000],
    ['/3303/0/5700', 'fb3ff199999999999a', 1.1],
    ['/3303/0/5700', 'fb7e37e43c8800759c', 1e300],
    ['/3303/0/5700', 'fbc010666666666666', -4.1],
  ]
  for (const [path, bytes, value] of numbers) {
    it(`decodes and encodes ${bytes} as ${value}`, () => {
      assert.equal(read(CBOR, path, hex(bytes)), value)
      assert.equal(encoded(CBOR, { [path]: value }, path).toString('hex'), bytes)
    })
  }

  const others: readonly (readonly [string, string, Value])[] = [
    ['/3303/0/5700', 'f93c00', 1],
    ['/3303/0/5700', 'f97bff', 65504],
    ['/3303/0/5700', 'f90001', 5.960464477539063e-8],
    ['/3303/0/5700', 'f9c400', -4],
    ['/3303/0/5700', 'fa47c35000', 100_000],
    ['/3303/0/5700', 'fa7f7fffff', 3.4028234663852886e38],
    ['/3303/0/5700', 'f97c00', Infinity],
    ['/1/0/6', 'f4', false],
    ['/1/0/6', 'f5', true],
    ['/3/0/13', 'c11a514b67b0', new Date(1363896240_000)],
    ['/3/0/13', 'c1fb41d452d9ec200000', new Date(1363896240_500)],
    ['/0/0/3', '4401020304', hex('01020304')],
    ['/0/0/3', '5f42010243030405ff', hex('0102030405')],
    ['/3/0/0', '6449455446', 'IETF'],
    ['/3/0/0', '62225c', '"\\'],
    ['/3/0/0', '64f0908591', '\u{10151}'],
    ['/3/0/0', '7f657374726561646d696e67ff', 'streaming'],
    ['/0/0/17', '6436363a30', new ObjectLink(66, 0)],
  ]
  for (const [path, bytes, value] of others) {
    it(`decodes ${bytes}`, () => assert.deepEqual(read(CBOR, path, hex(bytes)), value))
  }

  it('encodes the other types', () => {
    const written = (path: string, value: Value): string =>
      encoded(CBOR, { [path]: value }, path).toString('hex')
    assert.equal(written('/1/0/6', true), 'f5')
    assert.equal(written('/3/0/13', new Date(1363896240_900)), 'c11a514b67b0')
    assert.equal(written('/3/0/13', new Date(-1000)), 'c120')
    assert.equal(written('/3/0/13', new Date(2 ** 33 * 1000)), 'c11b0000000200000000')
    assert.equal(written('/0/0/3', hex('01020304')), '4401020304')
    assert.equal(written('/3/0/0', 'IETF'), '6449455446')
    assert.equal(written('/0/0/17', new ObjectLink(66, 0)), '6436363a30')
  })

  it('decodes time in every form of RFC 8949 §3.4.1 and §3.4.2', () => {
    const at = new Date(1_363_896_240_000)
    for (const bytes of ['1a514b67b0', ...TIMES]) {
      assert.deepEqual(read(CBOR, '/3/0/13', hex(bytes)), at, bytes)
      if (bytes !== '1a514b67b0') assert.deepEqual(read(CBOR, '/40000/0/1', hex(bytes)), at, bytes)
    }
    assert.deepEqual(read(CBOR, '/3/0/13', hex('c120')), new Date(-1000))
    assert.deepEqual(read(CBOR, '/3/0/13', hex('c1f90000')), new Date(0))
    const leap = Buffer.from('2016-12-31T23:59:60Z')
    const second = Buffer.concat([hex('c074'), leap])
    assert.deepEqual(read(CBOR, '/3/0/13', second), new Date('2017-01-01T00:00:00Z'))
  })

  it('delivers an invalid time without its tag, with a warning', () => {
    for (const [bytes, value] of [
      ['c1f97e00', NaN],
      ['c1fb7e37e43c8800759c', 1e300],
      ['c0636e6f77', 'now'],
      ['c062c328', hex('c328')],
    ] as const) {
      const context = modelContext('/3/0/13')
      assert.deepEqual(decode(CBOR, hex(bytes), context)[0]?.value, value)
      assert.match(context.warnings.join(), /is not a valid Time/)
    }
    for (const bytes of ['c180', 'c14105', 'c0a0', 'c1c11a514b67b0'])
      malformed(CBOR, hex(bytes), '/3/0/13')
  })

  it('delivers bytes, with a warning, if text is not valid UTF-8', () => {
    for (const bytes of ['62c328', '7f61c36128ff']) {
      const context = modelContext('/40000/0/1')
      assert.deepEqual(decode(CBOR, hex(bytes), context)[0]?.value, hex('c328'))
      assert.deepEqual(context.warnings, ['CBOR: a text is not valid UTF-8, delivered as bytes'])
    }
  })

  it('rejects anything but a single value', () => {
    for (const bytes of ['80', 'a0', 'f6', 'f7', '', '0000', '1818ff', 'd82076']) {
      malformed(CBOR, hex(bytes), '/3/0/9')
    }
    malformed(CBOR, hex('05'), '/3/0')
  })

  it('keeps decoded values independent of the input and of other payloads', () => {
    const first = read(CBOR, '/0/0/3', hex('4401020304'))
    read(CBOR, '/0/0/3', hex('44ffffffff'))
    assert.deepEqual(first, hex('01020304'))
    const bytes = hex('4401020304')
    const kept = read(CBOR, '/0/0/3', bytes)
    bytes.fill(0)
    assert.deepEqual(kept, hex('01020304'))
    assert.deepEqual(Object.keys(bytes), ['0', '1', '2', '3', '4'])
  })
})

describe('application/link-format', () => {
  it('holds one Corelnk value', () => {
    const links: Plain = { '/25/0/3': '</3/0>,</3303/0>' }
    assert.equal(encoded(LINK, links, '/25/0/3').toString(), '</3/0>,</3303/0>')
    assert.deepEqual(decoded(LINK, Buffer.from('</3/0>,</3303/0>'), '/25/0/3'), links)
  })
})
