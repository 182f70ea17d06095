/** application/senml+json (RFC 8428 §5) and application/senml-etch+json (RFC 8790). */
import { type Codec, type CodecContext, ContentFormat } from './codec'
import { type Fail, failure } from './limits'
import { type JsonValue, parseJson, stringifyJson } from './json-text'
import { resolveSenml, type SenmlRecord, toSenml } from './senml'
import type { Value } from '../value'
import { parseBase64 } from '../values'

/** Converts one JSON object to a SenML record; `fail` is called with the error. */
function toRecord(object: JsonValue, fail: Fail): SenmlRecord {
  if (object === null || typeof object !== 'object' || Array.isArray(object)) {
    return fail('a record is not an object')
  }
  if (object instanceof Uint8Array) return fail('a record is not an object')
  const record: SenmlRecord = {}
  for (const [label, value] of Object.entries(object)) {
    switch (label) {
      case 'bn':
      case 'n':
        if (typeof value !== 'string') fail(`${label} is not text`)
        else record[label] = value
        break
      case 'bt':
      case 't':
      case 'bv':
      case 'bver':
        if (typeof value !== 'number') fail(`${label} is not a number`)
        else record[label] = value
        break
      case 'v':
      case 'vs':
      case 'vb':
      case 'vd':
      case 'vlo':
        setValue(record, label, value, fail)
        break
      default:
        // RFC 8428 §4.4: a label that ends in _ must be understood.
        if (label.endsWith('_')) fail(`label ${label} must be understood and is not`)
    }
  }
  return record
}

/** Sets the value of a label; a value of another type is kept unchanged. */
function setValue(
  record: SenmlRecord,
  label: 'v' | 'vs' | 'vb' | 'vd' | 'vlo',
  value: JsonValue,
  fail: Fail,
): void {
  if (value === null) {
    record.isNull = true
    return
  }
  if (typeof value === 'object' && !(value instanceof Uint8Array))
    fail(`${label} has an unsupported type`)
  const bytes = label === 'vd' && typeof value === 'string' ? parseBase64(value) : undefined
  if (bytes !== undefined) record.vd = bytes
  else if (typeof value === 'string' && (label === 'vs' || label === 'vlo')) record[label] = value
  else if (typeof value === 'boolean' && (label === 'v' || label === 'vb')) record.vb = value
  else if (label === 'v' && (typeof value === 'number' || typeof value === 'bigint')) {
    record.v = value
  } else if (label === 'vb' && (value === 0 || value === 1)) {
    // Some devices write booleans as numbers; the model determines the type.
    record.v = value
  } else record.raw = value as Value
}

/** `-0` has no decimal text. */
function members(record: SenmlRecord): string {
  const { bn, n, t, v, vs, vb, vd, vlo, isNull } = record
  const list: [string, string | number | bigint | boolean | null][] = []
  if (bn !== undefined) list.push(['bn', bn])
  if (n !== undefined) list.push(['n', n])
  if (t !== undefined) list.push(['t', t])
  if (v !== undefined) list.push(['v', v as number | bigint])
  if (vs !== undefined) list.push(['vs', vs])
  if (vb !== undefined) list.push(['vb', vb])
  if (vd !== undefined) list.push(['vd', Buffer.from(vd).toString('base64url')])
  if (vlo !== undefined) list.push(['vlo', vlo])
  if (isNull === true) list.push(['v', null])
  return stringifyJson(list)
}

/** The differences between plain SenML and SenML-ETCH. */
type OwnTraits = Pick<
  Codec,
  'format' | 'name' | 'names' | 'since' | 'twin' | 'deletes' | 'answeredIn'
>

function senmlJsonCodec(own: OwnTraits): Codec {
  const { format, deletes = false } = own
  return {
    ...own,
    shape: 'pack',
    notation: 'json',
    timed: true,
    paths: true,
    decode(bytes, context) {
      const fail: Fail = failure(format, 'SenML', bytes)
      if (bytes.length === 0) return []
      const pack = parseJson(format, bytes, (message) => context.warn?.(message, context.base))
      // A single record without an array is accepted.
      const list = Array.isArray(pack) ? pack : [pack]
      return resolveSenml(
        list.map((object) => toRecord(object, fail)),
        context,
        format,
        bytes,
      )
    },
    encode(records, context: CodecContext) {
      return Buffer.from(`[${toSenml(records, context, deletes).map(members).join(',')}]`)
    },
  }
}

export const senmlJson = senmlJsonCodec({
  format: ContentFormat.SENML_JSON,
  name: 'application/senml+json',
  names: ['senml-json'],
  since: '1.1',
  twin: ContentFormat.SENML_CBOR,
})

/** Encodes deletions as `"v":null`. */
export const senmlEtchJson = senmlJsonCodec({
  format: ContentFormat.SENML_ETCH_JSON,
  name: 'application/senml-etch+json',
  names: ['senml-etch-json'],
  since: '1.2',
  twin: ContentFormat.SENML_ETCH_CBOR,
  deletes: true,
  answeredIn: ContentFormat.SENML_JSON,
})
