import assert from 'node:assert/strict'
import fc from 'fast-check'
import { canEncode, ContentFormat, decode, encode, formatName } from '../../../src/lwm2m/formats'
import { Path } from '../../../src/lwm2m/path'
import type { Record } from '../../../src/lwm2m/record'
import { ObjectLink, type ResourceType, type Value } from '../../../src/lwm2m/value'
import { integerOf } from '../../../src/lwm2m/values'
import { resourceId, TYPES, typedContext } from '../support/types'

const SINGLES = [ContentFormat.TEXT, ContentFormat.CBOR] as const
const TREES = [
  ContentFormat.TLV,
  ContentFormat.SENML_JSON,
  ContentFormat.SENML_CBOR,
  ContentFormat.SENML_ETCH_JSON,
  ContentFormat.SENML_ETCH_CBOR,
  ContentFormat.LWM2M_JSON,
  ContentFormat.LWM2M_CBOR,
] as const
/** Formats whose values can have a time. */
const TIMED = [
  ContentFormat.SENML_JSON,
  ContentFormat.SENML_CBOR,
  ContentFormat.LWM2M_JSON,
] as const
/** Formats whose records contain their paths, so that they can be used at the root. */
const ROOTED = TREES.filter((format) => format !== ContentFormat.TLV)

const INT64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const EDGES = fc.constantFrom(0n, 1n, 127n, 128n, 255n, 256n, 2n ** 31n, 2n ** 32n, 2n ** 53n)
const id = fc.integer({ min: 0, max: 65_534 })

function values(type: ResourceType): fc.Arbitrary<Value> {
  switch (type) {
    case 'String':
      return fc.string({ unit: 'binary' })
    case 'Corelnk':
      return fc.constantFrom('', '</3/0>', '</5/1>;pmin=10;title="ä"')
    case 'Integer': {
      const signs = fc.constantFrom(1n, -1n)
      const edges = fc.tuple(EDGES, signs).map(([edge, sign]) => edge * sign)
      return fc.oneof(INT64, edges, fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n)).map(integerOf)
    }
    case 'Unsigned Integer':
      return fc
        .oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), EDGES, fc.constant(2n ** 64n - 1n))
        .map(integerOf)
    case 'Float':
      // -0 has no text in JSON.
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((float) => float + 0)
    case 'Boolean':
      return fc.boolean()
    case 'Opaque':
      return fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
    case 'Time':
      return fc
        .integer({ min: -62_135_596_800, max: 253_402_300_799 })
        .map((seconds) => new Date(seconds * 1000))
    default:
      return fc
        .tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 65_535 }))
        .map(([object, instance]) => new ObjectLink(object, instance))
  }
}

/** Values of one object instance: single resources and instances of multiple ones. */
function instance(path: Path): fc.Arbitrary<Record[]> {
  const single = (type: ResourceType): fc.Arbitrary<Record[]> =>
    fc.option(values(type)).map((value) => {
      return value === null ? [] : [{ path: path.child(resourceId(type)), value }]
    })
  const multiple = (type: ResourceType): fc.Arbitrary<Record[]> =>
    fc
      .uniqueArray(fc.tuple(id, values(type)), { maxLength: 3, selector: ([key]) => key })
      .map((entries) =>
        entries.map(([key, value]) => ({
          path: path.child(resourceId(type, true)).child(key),
          value,
        })),
      )
  return fc
    .tuple(...TYPES.map(single), ...TYPES.map(multiple))
    .map((lists) => lists.flat())
    .filter((records) => records.length > 0)
}

function sorted(records: readonly Record[]): Record[] {
  const key = ({ path }: Record): string => path.ids.map((n) => String(n).padStart(5)).join()
  return [...records].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function roundTrip(format: number, records: readonly Record[], base: Path, root = ''): Record[] {
  const context = typedContext(base, { root })
  assert.ok(canEncode(format, records, base))
  const bytes = encode(format, records, context)
  const decoded = decode(format, bytes, context)
  assert.deepEqual(context.warnings, [])
  return decoded
}

const INSTANCE = Path.parse('/9999/0')

describe('round trips through every format', () => {
  for (const format of SINGLES) {
    for (const type of TYPES) {
      it(`${formatName(format)}: ${type}`, () => {
        const path = INSTANCE.child(resourceId(type))
        fc.assert(
          fc.property(values(type), (value) => {
            assert.deepEqual(roundTrip(format, [{ path, value }], path), [{ path, value }])
          }),
          { numRuns: 200 },
        )
      })
    }
  }

  it('opaque: bytes', () => {
    const path = INSTANCE.child(resourceId('Opaque'))
    fc.assert(
      fc.property(values('Opaque'), (value) => {
        const records = [{ path, value }]
        assert.deepEqual(encode(ContentFormat.OCTET_STREAM, records, typedContext(path)), value)
        assert.deepEqual(roundTrip(ContentFormat.OCTET_STREAM, records, path), records)
      }),
    )
  })

  for (const format of TREES) {
    const name = formatName(format)

    it(`${name}: an object instance of all types`, () => {
      fc.assert(
        fc.property(instance(INSTANCE), (records) => {
          assert.deepEqual(sorted(roundTrip(format, records, INSTANCE)), sorted(records))
        }),
        { numRuns: 150 },
      )
    })

    it(`${name}: an object with several instances`, () => {
      const object = Path.parse('/9999')
      const several = fc
        .uniqueArray(id, { minLength: 1, maxLength: 3 })
        .chain((ids) => fc.tuple(...ids.map((one) => instance(object.child(one)))))
        .map((lists) => lists.flat())
      fc.assert(
        fc.property(several, (records) => {
          assert.deepEqual(sorted(roundTrip(format, records, object)), sorted(records))
        }),
        { numRuns: 50 },
      )
    })

    for (const type of TYPES) {
      it(`${name}: ${type} as resource, multiple resource and resource instance`, () => {
        const single = INSTANCE.child(resourceId(type))
        const multiple = INSTANCE.child(resourceId(type, true))
        fc.assert(
          fc.property(values(type), values(type), id, (a, b, key) => {
            const one = [{ path: single, value: a }]
            assert.deepEqual(roundTrip(format, one, single), one)
            const two = [
              { path: multiple.child(key), value: a },
              { path: multiple.child((key + 1) % 65_535), value: b },
            ]
            assert.deepEqual(sorted(roundTrip(format, two, multiple)), sorted(two))
            const inner = [{ path: multiple.child(key), value: b }]
            assert.deepEqual(roundTrip(format, inner, multiple.child(key)), inner)
          }),
          { numRuns: 60 },
        )
      })
    }
  }

  for (const format of ROOTED) {
    it(`${formatName(format)}: several objects, with and without alternate root`, () => {
      const pair = fc.tuple(instance(INSTANCE), instance(Path.parse('/7777/12')))
      fc.assert(
        fc.property(pair, fc.constantFrom('', 'lwm2m', 'a/b'), ([first, second], root) => {
          const records = [...first, ...second]
          assert.deepEqual(sorted(roundTrip(format, records, Path.ROOT, root)), sorted(records))
        }),
        { numRuns: 60 },
      )
    })

    it(`${formatName(format)}: an end device behind a gateway`, () => {
      const base = Path.parse('/dev-1/9999/0')
      fc.assert(
        fc.property(instance(base), fc.constantFrom(base, base.at(1), Path.ROOT), (records, at) => {
          assert.deepEqual(sorted(roundTrip(format, records, at)), sorted(records))
        }),
        { numRuns: 60 },
      )
    })
  }

  for (const format of TIMED) {
    it(`${formatName(format)}: values of several times`, () => {
      const path = INSTANCE.child(resourceId('Float'))
      // Before 2^28 s times are relative to now (RFC 8428 §4.5.3).
      const time = fc.integer({ min: 2 ** 28 * 1000, max: 4_102_444_800_000 })
      const records = fc.array(
        fc.record(
          { path: fc.constant(path), value: values('Float'), time },
          { noNullPrototype: true },
        ),
        { minLength: 1, maxLength: 20 },
      )
      fc.assert(
        fc.property(records, (list) => {
          assert.deepEqual(roundTrip(format, list, path), list)
        }),
      )
    })
  }

  for (const format of [ContentFormat.SENML_ETCH_JSON, ContentFormat.SENML_ETCH_CBOR]) {
    it(`${formatName(format)}: deletions among values`, () => {
      const records = [
        { path: INSTANCE.child(1), value: 5 },
        { path: INSTANCE.child(302).child(7), value: undefined },
        { path: Path.parse('/9999/4'), value: undefined },
      ]
      assert.deepEqual(roundTrip(format, records, Path.ROOT), records)
    })
  }
})
