import assert from 'node:assert/strict'
import { ContentFormat, decode, encode, EncodeError } from '../../../src/lwm2m/formats'
import type { Path } from '../../../src/lwm2m/path'
import { ObjectLink } from '../../../src/lwm2m/value'
import {
  decoded,
  encoded,
  hex,
  malformed,
  mended,
  modelContext,
  type Plain,
  records,
} from '../support/vectors'

const { TLV } = ContentFormat

/** Core §7.4.5: the Device object of the specification's example. */
const DEVICE_BYTES = hex(`
  C800144F70656E204D6F62696C6520416C6C69616E6365 C801164C69676874776569676874204D324D20436C69656E74
  C80209333435303030313233 C303312E30 860641000141 0105 88070842000ED842011388 870841007D42010384
  C10964 C10A0F 830B410000 C40D5182428F C60E2B30323A3030 C11055`)
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

describe('TLV (Core §7.4.5)', () => {
  describe('vectors of the specification', () => {
    it('an object instance', () => {
      assert.deepEqual(decoded(TLV, DEVICE_BYTES, '/3/0'), DEVICE)
      assert.deepEqual(encoded(TLV, DEVICE, '/3/0'), DEVICE_BYTES)
    })

    it('an object', () => {
      const bytes = Buffer.concat([hex('08 00 79'), DEVICE_BYTES])
      assert.deepEqual(decoded(TLV, bytes, '/3'), DEVICE)
      assert.deepEqual(encoded(TLV, DEVICE, '/3'), bytes)
    })

    it('access control: several instances, 16-bit ids of resource instances', () => {
      const bytes = hex(
        '08000EC10001C101008302417F07C1037F 080212C10003C101008702417F0761013601C1037F',
      )
      const values = {
        '/2/0/0': 1,
        '/2/0/1': 0,
        '/2/0/2/127': 7,
        '/2/0/3': 127,
        '/2/2/0': 3,
        '/2/2/1': 0,
        '/2/2/2/127': 7,
        '/2/2/2/310': 1,
        '/2/2/3': 127,
      }
      assert.deepEqual(decoded(TLV, bytes, '/2'), values)
      assert.deepEqual(encoded(TLV, values, '/2'), bytes)
    })

    it('a server account', () => {
      const bytes = hex('08000FC10001C40100015180C10601C10755')
      const values = { '/1/0/0': 1, '/1/0/1': 86400, '/1/0/6': true, '/1/0/7': 'U' }
      assert.deepEqual(decoded(TLV, bytes, '/1'), values)
      assert.deepEqual(encoded(TLV, values, '/1'), bytes)
    })

    it('object links, including null', () => {
      const types: { [id: number]: 'Objlnk' | 'String' | 'Integer' } = {
        0: 'Objlnk',
        1: 'String',
        2: 'Integer',
      }
      const extra = (multiple: number) => ({
        resource: (path: Path) => {
          const id = path.resource ?? 0
          return {
            id,
            name: '',
            type: types[id] ?? 'Objlnk',
            operations: 'R' as const,
            multiple: id === multiple,
            mandatory: false,
          }
        },
      })
      const bytes65 = hex(
        '88000C440000420000440100420001 C8010D38363133383030373535353030 C40212345678',
      )
      const values65 = {
        '/65/0/0/0': new ObjectLink(66, 0),
        '/65/0/0/1': new ObjectLink(66, 1),
        '/65/0/1': '8613800755500',
        '/65/0/2': 0x12345678,
      }
      assert.deepEqual(decoded(TLV, bytes65, '/65/0', extra(0)), values65)
      assert.deepEqual(encoded(TLV, values65, '/65/0', extra(0)), bytes65)
      const bytes66 = hex('06 00 C40000430000 06 01 C400FFFFFFFF')
      const values66 = { '/66/0/0': new ObjectLink(67, 0), '/66/1/0': new ObjectLink(65535, 65535) }
      assert.deepEqual(decoded(TLV, bytes66, '/66', extra(-1)), values66)
      assert.deepEqual(encoded(TLV, values66, '/66', extra(-1)), bytes66)
    })

    it('a multiple resource alone', () => {
      const values = { '/3/0/6/0': 1, '/3/0/6/1': 5 }
      assert.deepEqual(decoded(TLV, hex('860641000141 0105'), '/3/0/6'), values)
      assert.deepEqual(encoded(TLV, values, '/3/0/6'), hex('860641000141 0105'))
    })

    it('writes of the interoperability tests', () => {
      const server = {
        '/1/0/2': 101,
        '/1/0/3': 1010,
        '/1/0/5': 2000,
        '/1/0/6': true,
        '/1/0/7': 'U',
      }
      assert.deepEqual(encoded(TLV, server, '/1/0'), hex('C10265 C20303F2 C20507D0 C10601 C10755'))
      const device = {
        '/3/0/13': new Date(1367491215_000),
        '/3/0/14': '+02:00',
        '/3/0/15': 'Europe/Paris',
      }
      assert.deepEqual(
        encoded(TLV, device, '/3/0'),
        hex('C40D5182428F C60E2B30323A3030 C80F0C4575726F70652F5061726973'),
      )
    })

    it('a Create whose strings are instances of a multiple resource', () => {
      const bytes = Buffer.concat([
        hex('08 01 2E 88 00 2B 48 00 11'),
        Buffer.from('Host Device ID #2'),
        hex('48 01 14'),
        Buffer.from('Host Device Model #2'),
      ])
      assert.deepEqual(decoded(TLV, bytes, '/14', { resource: undefined }), {
        '/14/1/0/0': Buffer.from('Host Device ID #2'),
        '/14/1/0/1': Buffer.from('Host Device Model #2'),
      })
    })
  })

  describe('headers', () => {
    const lengths: readonly (readonly [number, string])[] = [
      [0, 'c0 00'],
      [7, 'c7 00'],
      [8, 'c8 00 08'],
      [255, 'c8 00 ff'],
      [256, 'd0 00 01 00'],
      [65_535, 'd0 00 ff ff'],
      [65_536, 'd8 00 01 00 00'],
    ]
    for (const [length, header] of lengths) {
      it(`a value of ${length} bytes`, () => {
        const value = Buffer.alloc(length, 0x61)
        const bytes = Buffer.concat([hex(header), value])
        const context = { resource: undefined }
        assert.deepEqual(encoded(TLV, { '/99/0/0': value }, '/99/0', context), bytes)
        assert.deepEqual(decoded(TLV, bytes, '/99/0', context), { '/99/0/0': value })
      })
    }

    it('an id of 16 bits', () => {
      assert.deepEqual(
        encoded(TLV, { '/3303/0/5700': 1.5, '/3303/0/5701': 'Cel' }, '/3303/0'),
        hex('e4 1644 3fc00000 e3 1645 43656c'),
      )
    })
  })

  describe('values', () => {
    const of = (resource: string, bytes: string): unknown =>
      decoded(TLV, hex(bytes), resource)[resource]

    it('integers of every length, in the shortest form', () => {
      const integers: readonly (readonly [number | bigint, string])[] = [
        [0, 'c1 01 00'],
        [127, 'c1 01 7f'],
        [-128, 'c1 01 80'],
        [128, 'c2 01 0080'],
        [-129, 'c2 01 ff7f'],
        [32_768, 'c4 01 00008000'],
        [2 ** 31 - 1, 'c4 01 7fffffff'],
        [-(2 ** 31), 'c4 01 80000000'],
        [2 ** 31, 'c8 01 08 0000000080000000'],
        [Number.MAX_SAFE_INTEGER, 'c8 01 08 001fffffffffffff'],
        [2n ** 63n - 1n, 'c8 01 08 7fffffffffffffff'],
        [-(2n ** 63n), 'c8 01 08 8000000000000000'],
      ]
      for (const [value, bytes] of integers) {
        assert.deepEqual(encoded(TLV, { '/1/0/1': value }, '/1/0/1'), hex(bytes))
        assert.equal(of('/1/0/1', bytes), value)
      }
    })

    it('unsigned integers, never negative', () => {
      const unsigned: readonly (readonly [number | bigint, string])[] = [
        [129, 'c1 0d 81'],
        [255, 'c1 0d ff'],
        [65_535, 'c2 0d ffff'],
        [2 ** 32 - 1, 'c4 0d ffffffff'],
        [2n ** 64n - 1n, 'c8 0d 08 ffffffffffffffff'],
      ]
      for (const [value, bytes] of unsigned) {
        assert.deepEqual(encoded(TLV, { '/0/0/13': value }, '/0/0/13'), hex(bytes))
        assert.equal(of('/0/0/13', bytes), value)
      }
    })

    it('floats of 32 bits if that is exact', () => {
      assert.deepEqual(
        encoded(TLV, { '/3303/0/5700': -0.5 }, '/3303/0/5700'),
        hex('e41644 bf000000'),
      )
      assert.deepEqual(
        encoded(TLV, { '/3303/0/5700': 21.4 }, '/3303/0/5700'),
        hex('e8 1644 08 4035666666666666'),
      )
      assert.equal(of('/3303/0/5700', 'e41644 41ac0000'), 21.5)
      assert.equal(of('/3303/0/5700', 'e8164408 4035666666666666'), 21.4)
    })

    it('a time before 1970 and one after 2038', () => {
      assert.deepEqual(of('/3/0/13', 'c1 0d ff'), new Date(-1000))
      const late = new Date('2100-01-01T00:00:00Z')
      assert.deepEqual(
        encoded(TLV, { '/3/0/13': late }, '/3/0/13'),
        hex('c8 0d 08 00000000f4865700'),
      )
      assert.deepEqual(of('/3/0/13', 'c8 0d 08 00000000f4865700'), late)
    })

    it('an empty string, and an empty multiple resource', () => {
      assert.equal(of('/3/0/0', 'c0 00'), '')
      assert.deepEqual(decoded(TLV, hex('80 06'), '/3/0/6'), {})
      assert.deepEqual(decoded(TLV, hex(''), '/3/0/6'), {})
      assert.deepEqual(decoded(TLV, hex('80 06 c1 09 05'), '/3/0'), { '/3/0/9': 5 })
    })

    it('bytes if the resource is unknown', () => {
      assert.deepEqual(decoded(TLV, hex('c2 05 0102'), '/40000/0'), {
        '/40000/0/5': Buffer.from([1, 2]),
      })
    })

    it('bytes with a warning if the length is invalid for the type', () => {
      const bytes = hex('c3 09 010203')
      assert.deepEqual(mended(TLV, bytes, '/3/0/9', /3 bytes are not a valid Integer/), {
        '/3/0/9': Buffer.from([1, 2, 3]),
      })
      assert.deepEqual(mended(TLV, hex('c1 06 02'), '/1/0/6', /not a valid Boolean/), {
        '/1/0/6': Buffer.from([2]),
      })
      assert.deepEqual(mended(TLV, hex('c1 00 ff'), '/3/0/0', /not a valid String/), {
        '/3/0/0': Buffer.from([0xff]),
      })
    })
  })

  describe('corrects with a warning', () => {
    it('an additional object instance around the requested path', () => {
      const bytes = Buffer.concat([hex('08 00 79'), DEVICE_BYTES])
      assert.deepEqual(decoded(TLV, bytes, '/3/0'), DEVICE)
      assert.deepEqual(mended(TLV, hex('03 00 c10964'), '/3/0/9', /around a resource/), {
        '/3/0/9': 100,
      })
    })

    it('the wrong object instance', () => {
      assert.deepEqual(mended(TLV, hex('03 05 c10964'), '/3/0', /instance 5 where 0/), {
        '/3/0/9': 100,
      })
    })

    it('resources if an object was requested', () => {
      assert.deepEqual(mended(TLV, hex('c10964'), '/3', /without an object instance/), {
        '/3/0/9': 100,
      })
    })

    it('resource instances without their resource', () => {
      assert.deepEqual(decoded(TLV, hex('410001410105'), '/3/0/6'), {
        '/3/0/6/0': 1,
        '/3/0/6/1': 5,
      })
    })

    it('the wrong resource', () => {
      assert.deepEqual(mended(TLV, hex('c10a64'), '/3/0/9', /resource 10 where 9/), {
        '/3/0/9': 100,
      })
    })

    it('a resource, or the multiple resource, if its instance was requested', () => {
      assert.deepEqual(decoded(TLV, hex('860641000141 0105'), '/3/0/6/1'), { '/3/0/6/1': 5 })
      assert.deepEqual(mended(TLV, hex('c10605'), '/3/0/6/1', /instance 6 where 1/), {
        '/3/0/6/1': 5,
      })
    })
  })

  describe('rejects malformed input', () => {
    it('a broken payload', () => malformed(TLV, hex('0011223344556677889900'), '/3/0'))
    it('a length beyond the end', () => {
      malformed(TLV, hex('c8 00 ff 61'), '/3/0', /length runs past the end/)
      malformed(TLV, hex('d8 00 ff ff ff 61'), '/3/0')
      malformed(TLV, hex('86 06 42 00 01 41 05 05'), '/3/0/6')
    })
    it('a truncated header', () => {
      for (const bytes of ['c8', 'c800', 'e0', 'e000', 'd80000', 'd8000000']) {
        malformed(TLV, hex(bytes), '/3/0')
      }
    })
    it('a resource instance among resources, and nested resources', () => {
      malformed(TLV, hex('c10964 410001'), '/3/0')
      malformed(TLV, hex('83 06 c10001'), '/3/0')
      malformed(TLV, hex('410001'), '/3')
    })
    it('several object instances if one was requested', () => {
      malformed(TLV, hex('03 00 c10964 03 01 c10964'), '/3/0', /several object instances/)
    })
    it('the reserved id 65535', () => malformed(TLV, hex('e1 ffff 01'), '/3/0', /65535/))
    it('an answer for the root', () => malformed(TLV, hex('c10964'), '/', /root/))
    it('every truncated payload', () => {
      for (let length = 1; length < DEVICE_BYTES.length; length++) {
        const part = DEVICE_BYTES.subarray(0, length)
        try {
          decode(TLV, part, modelContext('/3/0'))
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'decode')
        }
      }
    })
    it('too many values', () => {
      malformed(TLV, Buffer.alloc(200_000, hex('c000')), '/3/0', /more than 65536 values/)
    })
    it('more than a megabyte', () =>
      malformed(TLV, Buffer.alloc((1 << 20) + 1), '/3/0', /exceeds the limit/))
  })

  describe('cannot represent', () => {
    const refuse = (values: Plain, base: string, message: RegExp): void => {
      assert.throws(
        () => encode(TLV, records(values), modelContext(base)),
        (error) => error instanceof EncodeError && message.test(error.message),
      )
    }
    it('the root', () => refuse({ '/3/0/9': 5 }, '/', /SenML/))
    it('records outside the base path', () => refuse({ '/4/0/9': 5 }, '/3/0', /not within \/3\/0/))
    it('a missing value', () => refuse({ '/3/0/9': undefined }, '/3/0', /needs a value/))
    it('a value out of range', () => {
      refuse({ '/1/0/1': 2n ** 63n }, '/1/0', /not a valid Integer/)
      refuse({ '/0/0/13': -1 }, '/0/0', /not a valid Unsigned Integer/)
      refuse({ '/3/0/9': 1.5 }, '/3/0', /not a valid Integer/)
    })
  })

  it('accepts its number from before 1.0', () => {
    assert.deepEqual(decoded(ContentFormat.LEGACY_TLV, hex('c10964'), '/3/0/9'), { '/3/0/9': 100 })
  })
})
