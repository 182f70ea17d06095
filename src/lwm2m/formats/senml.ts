/** SenML (RFC 8428) as used by LwM2M (Core §7.4.4): code shared by its JSON and CBOR forms. */
import { CodedError } from '../../base/coded-error'
import { Level } from '../path'
import type { Record } from '../record'
import { ObjectLink, type ResourceType, type Value } from '../value'
import { coerce, integerOf, parseBase64, secondsOf, toType } from '../values'
import { type CodecContext, DecodeError, EncodeError } from './codec'
import { MAX_RECORDS } from './limits'
import { linkOrText, namedPath, recordTime } from './names'

/** One SenML record with its labels resolved to names; base fields unchanged. */
export interface SenmlRecord {
  bn?: string
  bver?: number
  bt?: number
  bv?: number
  n?: string
  t?: number
  /** Exactly one of these if the record has a value. */
  v?: number | bigint | Date
  vs?: string
  vb?: boolean
  vd?: Uint8Array
  vlo?: string
  /** A value that does not match its label (text under `v`): delivered unchanged. */
  raw?: Value
  /** The value is null: a deletion (RFC 8790). */
  isNull?: boolean
}

/** The version of RFC 8428; packs of a later version must not be processed (§4.4). */
const VERSION = 10

/** Whether a record has a value, including null. */
function hasValue({ v, vs, vb, vd, vlo, raw, isNull }: SenmlRecord): boolean {
  if (v !== undefined || vs !== undefined || vb !== undefined) return true
  return vd !== undefined || vlo !== undefined || raw !== undefined || isNull === true
}

/** Whether a record only sets base fields for those after it. */
function isBaseOnly(record: SenmlRecord): boolean {
  const { bn, bt, bv, n, t } = record
  if (n !== undefined || t !== undefined || hasValue(record)) return false
  return bv !== undefined || bt !== undefined || (bn?.endsWith('/') === true && bn !== '/')
}

/** The sum of value and base value, exact if both are integers. */
function sum(value: number | bigint, base: number): number | bigint {
  if (base === 0) return value
  if (!Number.isInteger(base) || (typeof value === 'number' && !Number.isInteger(value))) {
    return Number(value) + base
  }
  return integerOf(BigInt(value) + BigInt(base))
}

function valueOf(record: SenmlRecord, type: ResourceType | undefined): Value | undefined {
  if (record.raw !== undefined) return record.raw
  if (record.v !== undefined) {
    return record.bv === undefined || record.v instanceof Date ? record.v : sum(record.v, record.bv)
  }
  if (record.vs !== undefined) {
    // Some devices put bytes into a string value.
    return type === 'Opaque' ? (parseBase64(record.vs) ?? record.vs) : record.vs
  }
  if (record.vb !== undefined) return record.vb
  if (record.vd !== undefined) return record.vd
  if (record.vlo !== undefined) return linkOrText(record.vlo)
  return record.bv
}

/**
 * Resolves base fields, names, times and types of the records of one pack.
 * @throws DecodeError
 */
export function resolveSenml(
  records: readonly SenmlRecord[],
  context: CodecContext,
  format: number,
  bytes: Uint8Array,
): Record[] {
  if (records.length > MAX_RECORDS) {
    throw new DecodeError(
      format,
      `${records.length} records exceed the limit of ${MAX_RECORDS}`,
      bytes,
    )
  }
  const now = context.now ?? Date.now()
  const { base } = context
  const malformed = (message: string, cause?: unknown): never => {
    throw new DecodeError(format, `SenML: ${message}`, bytes, { cause })
  }
  let baseName = ''
  let baseTime = 0
  let baseValue: number | undefined
  const resolved: Record[] = []
  const last = records[records.length - 1]
  for (const record of records) {
    baseName = record.bn ?? baseName
    baseTime = record.bt ?? baseTime
    baseValue = record.bv ?? baseValue
    if (record.bver !== undefined && record.bver > VERSION) {
      throw new DecodeError(format, `SenML of version ${record.bver} is not known`, bytes)
    }
    if (record !== last && isBaseOnly(record)) continue
    try {
      const isValue = record.isNull !== true && (hasValue(record) || baseValue !== undefined)
      const path = namedPath(baseName, record.n ?? '', isValue, context)
      if (!base.contains(path)) malformed(`${path} is not within ${base}`)
      if (isValue && path.level < Level.RESOURCE) {
        malformed(`${path} is not a resource but has a value`)
      }
      const type = path.level >= Level.RESOURCE ? context.resource?.(path)?.type : undefined
      const own: SenmlRecord = baseValue === undefined ? record : { ...record, bv: baseValue }
      const value = record.isNull === true ? undefined : valueOf(own, type)
      const time = recordTime(baseTime + (record.t ?? 0), now, path, context)
      const warn = (message: string): void => context.warn?.(`SenML: ${path}: ${message}`, path)
      if (record.raw !== undefined && type === undefined) warn('a value that is not of its label')
      const coerced = value === undefined || type === undefined ? value : coerce(value, type, warn)
      resolved.push(time === undefined ? { path, value: coerced } : { path, value: coerced, time })
    } catch (error) {
      if (error instanceof DecodeError || !(error instanceof CodedError)) throw error
      malformed(`a name is not a path: ${error.message}`, error)
    }
  }
  return resolved
}

/** A value under the SenML label of its type. */
function labelled(value: Value, type: ResourceType | undefined): SenmlRecord {
  const typed = type === undefined ? value : toType(value, type)
  if (typeof typed === 'string') return { vs: typed }
  if (typeof typed === 'boolean') return { vb: typed }
  if (typed instanceof Uint8Array) return { vd: typed }
  if (typed instanceof ObjectLink) return { vlo: typed.toString() }
  if (typed instanceof Date) return { v: secondsOf(typed) }
  if (typeof typed === 'number' && !Number.isFinite(typed)) {
    throw new EncodeError(`${typed} cannot be encoded in SenML`)
  }
  return { v: typed }
}

/**
 * One SenML record per record: the first has the base name, the others their names below it.
 * @param deletions whether a missing value is encoded as null (SenML-ETCH) or omitted (lists of
 *   paths)
 * @throws EncodeError
 */
export function toSenml(
  records: readonly Record[],
  context: CodecContext,
  deletions = false,
): SenmlRecord[] {
  const root = context.root === undefined || context.root === '' ? '' : `/${context.root}`
  const { base } = context
  for (const { path } of records) {
    if (!base.contains(path)) throw new EncodeError(`${path} is not within ${base}`)
  }
  const isSingle = records.length > 0 && records.every(({ path }) => path.equals(base))
  const own = base.level === Level.ROOT && base.prefix === '' ? '' : base.toString()
  const baseName = isSingle ? root + base.toString() : `${root}${own}/`
  return records.map(({ path, value, time }, index) => {
    const record: SenmlRecord = {}
    if (index === 0) record.bn = baseName
    if (!isSingle) record.n = path.toString().slice(own.length + 1)
    try {
      const type = path.level >= Level.RESOURCE ? context.resource?.(path)?.type : undefined
      if (value !== undefined) Object.assign(record, labelled(value, type))
      else if (deletions) record.isNull = true
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      throw new EncodeError(`${path}: ${error.message}`, { cause: error })
    }
    if (time !== undefined) record.t = time / 1000
    return record
  })
}
