/** application/senml+cbor (RFC 8428 §6) and application/senml-etch+cbor (RFC 8790). */
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

/** JSON labels are accepted in CBOR, too. */
const LABELS = new Map<CborValue, keyof typeof Label>([
  ...Object.entries(Label).map(([name, label]) => [label, name] as [CborValue, keyof typeof Label]),
  ...Object.keys(Label).map(
    (name) => [name.toLowerCase(), name] as [CborValue, keyof typeof Label],
  ),
])

function text(value: CborValue, label: string, fail: Fail): string {
  return typeof value === 'string' ? value : fail(`${label} is no text`)
}

function number(value: CborValue, label: string, fail: Fail): number {
  const found = cborNumber(value)
  return found === undefined ? fail(`${label} is no number`) : Number(found)
}

/** Takes one CBOR map for a SenML record; `fail` says what is wrong with it. */
function toRecord(map: CborValue, fail: Fail): SenmlRecord {
  if (!(map instanceof Map)) return fail('a record is no map')
  const record: SenmlRecord = {}
  for (const [key, value] of map) {
    const label = LABELS.get(key)
    if (value === null && (label === 'V' || label === 'VS' || label === 'VB' || label === 'VD')) {
      record.isNull = true
      continue
    }
    switch (label) {
      case 'BN':
        record.bn = text(value, 'bn', fail)
        break
      case 'N':
        record.n = text(value, 'n', fail)
        break
      case 'VS':
        record.vs = text(value, 'vs', fail)
        break
      case 'VLO':
        record.vlo = text(value, 'vlo', fail)
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
      case 'V': {
        const found = value instanceof Date ? value : cborNumber(value)
        if (typeof value === 'boolean') record.vb = value
        else if (found === undefined) fail('v is no number')
        else record.v = found
        break
      }
      case 'VB':
        // Some devices write booleans as numbers; the model decides what it is.
        if (value === 0 || value === 1) record.v = value
        else if (typeof value !== 'boolean') fail('vb is no boolean')
        else record.vb = value
        break
      case 'VD':
        if (!(value instanceof Uint8Array)) fail('vd is no byte string')
        else record.vd = Buffer.from(value)
        break
      default:
        if (typeof key === 'string' && key.endsWith('_')) {
          fail(`label ${key} must be understood and is not`)
        }
    }
  }
  return record
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

function senmlCborCodec(format: number, name: string, deletions: boolean): Codec {
  return {
    format,
    name,
    decode(bytes, context) {
      const fail: Fail = failure(format, 'SenML', bytes)
      if (bytes.length === 0) return []
      const pack = decodeCbor(format, bytes)
      const list = Array.isArray(pack) ? pack : [pack]
      return resolveSenml(
        list.map((map) => toRecord(map, fail)),
        context,
        format,
        bytes,
      )
    },
    encode(records, context) {
      return encodeCbor(toSenml(records, context, deletions).map(toMap))
    },
  }
}

export const senmlCbor = senmlCborCodec(ContentFormat.SENML_CBOR, 'application/senml+cbor', false)

/** Says deletions as a null value. */
export const senmlEtchCbor = senmlCborCodec(
  ContentFormat.SENML_ETCH_CBOR,
  'application/senml-etch+cbor',
  true,
)
