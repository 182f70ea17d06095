/** application/senml+cbor (RFC 8428 §6) and application/senml-etch+cbor (RFC 8790). */
import { fromCbor } from './cbor'
import { type CborValue, cborInteger, cborNumber, decodeCbor, encodeCbor } from './cbor-bytes'
import { type Codec, ContentFormat } from './codec'
import { type Fail, failure } from './limits'
import { resolveSenml, type SenmlRecord, toSenml } from './senml'

/** RFC 8428 §6, table 4. */
const Label = {
  BN: -2,
  BT: -3,
  BV: -5,
  BVER: -1,
  N: 0,
  V: 2,
  VS: 3,
  VB: 4,
  T: 6,
  VD: 8,
  VLO: 'vlo',
} as const

/** JSON labels are accepted in CBOR as well. */
const LABELS = new Map<CborValue, keyof typeof Label>([
  ...Object.entries(Label).map(([name, label]) => [label, name] as [CborValue, keyof typeof Label]),
  ...Object.keys(Label).map(
    (name) => [name.toLowerCase(), name] as [CborValue, keyof typeof Label],
  ),
])

function text(value: CborValue, label: string, fail: Fail): string {
  return typeof value === 'string' ? value : fail(`${label} is not text`)
}

function number(value: CborValue, label: string, fail: Fail): number {
  if (value instanceof Date) return value.getTime() / 1000
  const found = cborNumber(value)
  return found === undefined ? fail(`${label} is not a number`) : Number(found)
}

/** Converts one CBOR map to a SenML record; `fail` is called with the error. */
function toRecord(map: CborValue, fail: Fail): SenmlRecord {
  if (!(map instanceof Map)) return fail('a record is not a map')
  const record: SenmlRecord = {}
  for (const [key, value] of map) {
    const label = LABELS.get(key)
    switch (label) {
      case 'BN':
        record.bn = text(value, 'bn', fail)
        break
      case 'N':
        record.n = text(value, 'n', fail)
        break
      case 'BT':
        record.bt = number(value, 'bt', fail)
        break
      case 'T':
        record.t = number(value, 't', fail)
        break
      case 'BV':
        record.bv = number(value, 'bv', fail)
        break
      case 'BVER':
        record.bver = number(value, 'bver', fail)
        break
      case 'V':
      case 'VS':
      case 'VB':
      case 'VD':
      case 'VLO':
        setValue(record, label, value, fail)
        break
      default:
        if (typeof key === 'string' && key.endsWith('_')) {
          fail(`label ${key} must be understood and is not`)
        }
    }
  }
  return record
}

/** Sets the value of a label; a value of another type is kept unchanged. */
function setValue(
  record: SenmlRecord,
  label: 'V' | 'VS' | 'VB' | 'VD' | 'VLO',
  item: CborValue,
  fail: Fail,
): void {
  if (item === null || item === undefined) {
    record.isNull = true
    return
  }
  const value = fromCbor(item) ?? fail(`${label.toLowerCase()} has an unsupported type`)
  if (typeof value === 'string') {
    if (label === 'VS') record.vs = value
    else if (label === 'VLO') record.vlo = value
    else record.raw = value
  } else if (typeof value === 'boolean' && (label === 'V' || label === 'VB')) record.vb = value
  else if (value instanceof Uint8Array && label === 'VD') record.vd = value
  else if (value instanceof Date) record.v = value
  else if (label === 'V' && (typeof value === 'number' || typeof value === 'bigint')) {
    record.v = value
  } else if (label === 'VB' && (value === 0 || value === 1)) {
    // Some devices write booleans as numbers; the model determines the type.
    record.v = value
  } else record.raw = value
}

function toMap(record: SenmlRecord): Map<CborValue, CborValue> {
  const { bn, n, t, v, vs, vb, vd, vlo, isNull } = record
  const map = new Map<CborValue, CborValue>()
  if (bn !== undefined) map.set(Label.BN, bn)
  if (n !== undefined) map.set(Label.N, n)
  if (t !== undefined) map.set(Label.T, cborInteger(t))
  if (v !== undefined) map.set(Label.V, cborInteger(v as number | bigint))
  if (vs !== undefined) map.set(Label.VS, vs)
  if (vb !== undefined) map.set(Label.VB, vb)
  if (vd !== undefined) map.set(Label.VD, Buffer.from(vd))
  if (vlo !== undefined) map.set(Label.VLO, vlo)
  if (isNull === true) map.set(Label.V, null)
  return map
}

/** The differences between plain SenML and SenML-ETCH. */
type OwnTraits = Pick<
  Codec,
  'format' | 'name' | 'names' | 'since' | 'twin' | 'deletes' | 'answeredIn'
>

function senmlCborCodec(own: OwnTraits): Codec {
  const { format, deletes = false } = own
  return {
    ...own,
    shape: 'pack',
    notation: 'cbor',
    timed: true,
    paths: true,
    decode(bytes, context) {
      const fail: Fail = failure(format, 'SenML', bytes)
      if (bytes.length === 0) return []
      const pack = decodeCbor(format, bytes, (message) => context.warn?.(message, context.base))
      const list = Array.isArray(pack) ? pack : [pack]
      return resolveSenml(
        list.map((map) => toRecord(map, fail)),
        context,
        format,
        bytes,
      )
    },
    encode(records, context) {
      return encodeCbor(toSenml(records, context, deletes).map(toMap))
    },
  }
}

export const senmlCbor = senmlCborCodec({
  format: ContentFormat.SENML_CBOR,
  name: 'application/senml+cbor',
  names: ['senml-cbor'],
  since: '1.1',
  twin: ContentFormat.SENML_JSON,
})

/** Encodes deletions as a null value. */
export const senmlEtchCbor = senmlCborCodec({
  format: ContentFormat.SENML_ETCH_CBOR,
  name: 'application/senml-etch+cbor',
  names: ['senml-etch-cbor'],
  since: '1.2',
  twin: ContentFormat.SENML_ETCH_JSON,
  deletes: true,
  answeredIn: ContentFormat.SENML_CBOR,
})
