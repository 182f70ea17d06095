/**
 * Content formats: one object instance of 30 resources, decoded and encoded, and the single value of
 * a typical notification. Times per message, also relative to `JSON.parse` and `JSON.stringify` of the
 * same records as plain objects, which is what a flow would do without a model, types or paths.
 */
import { ContentFormat, decode, encode, formatName } from '../../src/lwm2m/formats'
import type { CodecContext } from '../../src/lwm2m/formats/codec'
import type { ResourceDefinition } from '../../src/lwm2m/model/definition'
import { Path } from '../../src/lwm2m/path'
import type { Record } from '../../src/lwm2m/record'
import type { ResourceType, Value } from '../../src/lwm2m/value'
import { atMost, type BenchRow, median } from './report'

const { TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR } = ContentFormat
/** Milliseconds per figure and round. */
const SLICE = 40

const VALUES: readonly (readonly [ResourceType, Value])[] = [
  ['String', 'Open Mobile Alliance'],
  ['Integer', 3800],
  ['Float', 21.5],
  ['Boolean', true],
  ['Time', new Date(1_700_000_000_000)],
  ['Opaque', Buffer.from('00ffab0123456789', 'hex')],
]
const INSTANCE = Path.parse('/3303/0')

function definition(id: number): ResourceDefinition {
  const type = VALUES[id % VALUES.length]?.[0] ?? 'String'
  return { id, name: `${type} ${id}`, type, operations: 'RW', multiple: false, mandatory: false }
}

const DEFINITIONS = new Map(Array.from({ length: 30 }, (_, id) => [id, definition(id)]))
const RECORDS: readonly Record[] = Array.from({ length: 30 }, (_, id) => ({
  path: INSTANCE.child(id),
  value: VALUES[id % VALUES.length]?.[1],
}))

function context(base: Path): CodecContext {
  return { base, resource: (path) => DEFINITIONS.get(path.resource ?? -1), now: 1_700_000_000_000 }
}

/** Microseconds per call: as many calls as fit into a slice of time, in batches. */
function microseconds(call: () => unknown): number {
  let calls = 0
  const start = performance.now()
  let end = start
  while (end - start < SLICE) {
    for (let i = 0; i < 20; i++) call()
    calls += 20
    end = performance.now()
  }
  return ((end - start) * 1000) / calls
}

/** The median over rounds; every work is measured once a round, so that a busy moment hits all. */
function measure(rounds: number, works: ReadonlyMap<string, () => unknown>): Map<string, number> {
  const times = new Map([...works.keys()].map((name) => [name, [] as number[]]))
  for (const work of works.values()) microseconds(work)
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of works) times.get(name)?.push(microseconds(work))
  }
  return new Map([...times].map(([name, list]) => [name, median(list)]))
}

export async function formatsBench(rounds = 5): Promise<BenchRow[]> {
  const asPlain = (records: readonly Record[]): unknown =>
    records.map(({ path, value }) => ({
      path: path.toString(),
      value: value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    }))
  const plain = asPlain(RECORDS)
  const json = Buffer.from(JSON.stringify(plain))
  const single = [{ path: INSTANCE.child(2), value: 21.5 }]
  const works = new Map<string, () => unknown>([
    ['JSON.parse', () => JSON.parse(json.toString('utf8')) as unknown],
    ['JSON.stringify', () => Buffer.from(JSON.stringify(plain))],
  ])
  const trees = [TLV, SENML_CBOR, SENML_JSON, LWM2M_CBOR, LWM2M_JSON]
  for (const format of trees) {
    const name = formatName(format)
    const whole = context(INSTANCE)
    const bytes = encode(format, RECORDS, whole)
    works.set(`${name} decode`, () => decode(format, bytes, whole))
    works.set(`${name} encode`, () => encode(format, RECORDS, whole))
  }
  for (const format of [...trees, TEXT, CBOR]) {
    const one = context(INSTANCE.child(2))
    const bytes = encode(format, single, one)
    works.set(`${formatName(format)} decode, one value`, () => decode(format, bytes, one))
  }
  const times = measure(rounds, works)
  const time = (name: string): number => times.get(name) ?? NaN
  const rows: BenchRow[] = []
  for (const reference of ['JSON.parse', 'JSON.stringify']) {
    rows.push({ name: `formats: ${reference} of 30 records`, value: time(reference), unit: 'µs' })
  }
  for (const format of trees) {
    const name = formatName(format)
    for (const [way, reference] of [
      ['decode', 'JSON.parse'],
      ['encode', 'JSON.stringify'],
    ] as const) {
      const took = time(`${name} ${way}`)
      rows.push({ name: `formats: ${name} ${way}, 30 resources`, value: took, unit: 'µs' })
      rows.push({
        name: `formats: ${name} ${way}, relative`,
        value: took / time(reference),
        unit: `× ${reference}`,
      })
    }
  }
  for (const format of [...trees, TEXT, CBOR]) {
    const name = formatName(format)
    const took = time(`${name} decode, one value`)
    const isGoal = format === TLV || format === SENML_CBOR
    rows.push(
      isGoal
        ? atMost(`formats: ${name} decode, one value`, took, 'µs', 2)
        : { name: `formats: ${name} decode, one value`, value: took, unit: 'µs' },
    )
  }
  return Promise.resolve(rows)
}
