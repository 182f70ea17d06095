import assert from 'node:assert/strict'
import {
  canEncode,
  ContentFormat,
  decode,
  encode,
  EncodeError,
  formatName,
  formatsOf,
  formatTraits,
  hasWholeNames,
  isCompositeFormat,
  isPackFormat,
  isTextFormat,
  isTreeFormat,
  isValueFormat,
  parseFormatName,
} from '../../../src/lwm2m/formats'
import { Path } from '../../../src/lwm2m/path'
import type { Value } from '../../../src/lwm2m/value'
import { decoded, hex, malformed, mended, modelContext, records } from '../support/vectors'

describe('content formats by number and name', () => {
  it('have names for dialogs and messages', () => {
    const names = {
      0: 'text',
      40: 'link',
      42: 'opaque',
      60: 'cbor',
      110: 'senml-json',
      112: 'senml-cbor',
      320: 'senml-etch-json',
      322: 'senml-etch-cbor',
      11542: 'tlv',
      11543: 'json',
      11544: 'lwm2m-cbor',
    }
    for (const [number, name] of Object.entries(names)) {
      assert.equal(formatName(Number(number)), name)
      assert.equal(parseFormatName(name), Number(number))
      assert.equal(parseFormatName(number), Number(number))
      const mediaType = formatTraits(Number(number))?.name ?? ''
      assert.match(mediaType, /^(application|text)\//)
      assert.equal(parseFormatName(mediaType), Number(number))
    }
    assert.equal(formatName(666), '666')
    assert.equal(parseFormatName(' SenML-CBOR '), 112)
    assert.equal(parseFormatName('lwm2m-json'), 11543)
    for (const none of ['', 'xml', '70000', '-1', 'constructor']) {
      assert.equal(parseFormatName(none), undefined)
    }
  })

  it('have traits that determine their use', () => {
    const all = formatsOf('1.2')
    const where = (is: (format: number) => boolean): number[] =>
      all.filter(is).sort((a, b) => a - b)
    assert.equal(all.length, 11)
    assert.deepEqual(
      [...formatsOf('1.0')].sort((a, b) => a - b),
      [0, 40, 42, 11542, 11543],
    )
    assert.deepEqual(where(isValueFormat), [0, 42, 60])
    assert.deepEqual(where(isTreeFormat), [110, 112, 11542, 11543, 11544])
    assert.deepEqual(where(isPackFormat), [110, 112, 11544])
    assert.deepEqual(where(isCompositeFormat), [110, 112, 320, 322, 11544])
    assert.deepEqual(where(hasWholeNames), [110, 112, 11543, 11544])
    assert.deepEqual(where(isTextFormat), [0, 40, 110, 320, 11543])
    assert.deepEqual(
      [hasWholeNames(1543), isPackFormat(1543), isTreeFormat(1542)],
      [true, false, false],
    )
    for (const format of all) {
      const { twin } = formatTraits(format) ?? {}
      if (twin !== undefined) assert.equal(formatTraits(twin)?.twin, format)
    }
  })

  it('from before 1.0 are decoded', () => {
    assert.deepEqual(decoded(1541, Buffer.from('5'), '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(decoded(1542, hex('c10905'), '/3/0/9'), { '/3/0/9': 5 })
    const json = Buffer.from('{"bn":"/3/0/9","e":[{"v":5}]}')
    assert.deepEqual(decoded(1543, json, '/3/0/9'), { '/3/0/9': 5 })
    assert.deepEqual(decoded(1544, hex('abcdef'), '/0/0/3'), { '/0/0/3': hex('abcdef') })
  })

  it('11543 and 11544 are recognized when confused', () => {
    const json = Buffer.from('{"bn":"/3/0/","e":[{"n":"9","v":5}]}')
    const cbor = hex('A1 83 03 00 09 05')
    assert.deepEqual(mended(11544, json, '/3/0', /11544 with a payload of 11543/), { '/3/0/9': 5 })
    assert.deepEqual(mended(11543, cbor, '/3/0', /11543 with a payload of 11544/), { '/3/0/9': 5 })
    const open = hex('BF 83 03 00 09 05 FF')
    assert.deepEqual(mended(11543, open, '/3/0', /11543 with a payload of 11544/), { '/3/0/9': 5 })
  })

  it('110 and 112 are recognized when confused', () => {
    const json = Buffer.from('\n[{"n":"/3/0/9","v":5}]')
    assert.deepEqual(mended(112, json, '/3/0', /112 with a payload of 110/), { '/3/0/9': 5 })
    const cbor = Buffer.concat([hex('81 a2 00 66'), Buffer.from('/3/0/9'), hex('02 05')])
    assert.deepEqual(mended(110, cbor, '/3/0', /110 with a payload of 112/), { '/3/0/9': 5 })
    assert.deepEqual(mended(320, cbor, '/3/0', /320 with a payload of 322/), { '/3/0/9': 5 })
  })

  it('that are unknown fail with the raw bytes', () => {
    malformed(666, hex('0102'), '/3/0/9', /666 is not known/)
    assert.throws(() => encode(666, [], modelContext('/3/0')), EncodeError)
  })

  it('may be missing for a single resource', () => {
    const missing = (base: string, bytes: Buffer): unknown =>
      decode(undefined, bytes, modelContext(base))
    assert.deepEqual(missing('/3/0/9', Buffer.from('85')), [
      { path: Path.parse('/3/0/9'), value: 85 },
    ])
    assert.deepEqual(missing('/3/0', Buffer.alloc(0)), [])
    assert.throws(() => missing('/3/0', Buffer.from('85')), /no Content-Format/)
  })
})

describe('what a format can represent', () => {
  const can = (format: number, values: { [path: string]: Value | undefined }, base: string) =>
    canEncode(format, records(values), Path.parse(base))
  const { TEXT, OCTET_STREAM, CBOR, TLV, SENML_CBOR, SENML_JSON, LWM2M_JSON, LWM2M_CBOR } =
    ContentFormat

  it('text and CBOR: only the requested value', () => {
    for (const format of [TEXT, CBOR]) {
      assert.equal(can(format, { '/3/0/9': 5 }, '/3/0/9'), true)
      assert.equal(can(format, { '/3/0/6/0': 5 }, '/3/0/6/0'), true)
      assert.equal(can(format, { '/3/0/6/0': 5 }, '/3/0/6'), false)
      assert.equal(can(format, { '/3/0/9': 5 }, '/3/0'), false)
      assert.equal(can(format, {}, '/3/0/9'), false)
    }
  })

  it('octet-stream: only bytes', () => {
    assert.equal(can(OCTET_STREAM, { '/5/0/0': hex('00') }, '/5/0/0'), true)
    assert.equal(can(OCTET_STREAM, { '/3/0/0': 'x' }, '/3/0/0'), false)
    assert.equal(can(OCTET_STREAM, { '/5/0/0': hex('00') }, '/5/0'), false)
  })

  it('TLV: anything below an object, without times', () => {
    assert.equal(can(TLV, { '/3/0/9': 5, '/3/0/6/0': 1 }, '/3/0'), true)
    assert.equal(can(TLV, {}, '/3/0/6'), true)
    assert.equal(can(TLV, { '/3/0/9': 5 }, '/'), false)
    const timed = [{ path: Path.parse('/3/0/9'), value: 5, time: 1 }]
    assert.equal(canEncode(TLV, timed, Path.parse('/3/0')), false)
    assert.equal(canEncode(LWM2M_CBOR, timed, Path.parse('/3/0')), false)
    assert.equal(canEncode(SENML_CBOR, timed, Path.parse('/3/0')), true)
    assert.equal(canEncode(LWM2M_JSON, timed, Path.parse('/3/0')), true)
  })

  it('SenML and LwM2M CBOR: anything', () => {
    for (const format of [SENML_JSON, SENML_CBOR, LWM2M_CBOR]) {
      assert.equal(can(format, { '/3/0/9': 5, '/1/0/1': 1 }, '/'), true)
      assert.equal(can(format, {}, '/3/0/6'), true)
    }
  })

  it('nothing outside the base path, and deletions only in some formats', () => {
    for (const format of [TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR]) {
      assert.equal(can(format, { '/4/0/9': 5 }, '/3/0'), false)
      assert.equal(can(format, { '/3/0/9': undefined }, '/3/0'), false)
    }
    assert.equal(can(ContentFormat.SENML_ETCH_JSON, { '/3/0/9': undefined }, '/'), true)
    assert.equal(can(ContentFormat.SENML_ETCH_CBOR, { '/3/0/9': undefined }, '/'), true)
  })

  it('nothing for an unknown format or a legacy number', () => {
    assert.equal(can(666, { '/3/0/9': 5 }, '/3/0/9'), false)
    assert.equal(can(1542, { '/3/0/9': 5 }, '/3/0/9'), false)
  })
})
