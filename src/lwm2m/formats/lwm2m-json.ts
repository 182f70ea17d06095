/** application/vnd.oma.lwm2m+json (Core 1.0 §6.4.4), kept for backward compatibility. */
import { CodedError } from '../../base/coded-error'
import { Level, Path } from '../path'
import type { Record } from '../record'
import { ObjectLink, type ResourceType, type Value } from '../value'
import { coerce, parseBase64, secondsOf, toType } from '../values'
import { type Codec, type CodecContext, ContentFormat, DecodeError, EncodeError } from './codec'
import { type JsonValue, parseJson, stringifyJson } from './json-text'
import { type Fail, failure, MAX_RECORDS } from './limits'
import { linkOrText, namedPath, recordTime } from './names'

type JsonObject = { readonly [name: string]: JsonValue }

function object(value: JsonValue | undefined, what: string, fail: Fail): JsonObject {
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) {
    return fail(`${what} is not an object`)
  }
  if (value instanceof Uint8Array) return fail(`${what} is not an object`)
  return value as JsonObject
}

/** The value of an entry under any of its labels; undefined if there is none, or null. */
function valueOf(entry: JsonObject, type: ResourceType | undefined, fail: Fail): Value | undefined {
  const { v, sv, bv, ov } = entry
  const said = v ?? bv ?? ov ?? sv
  if (said === undefined || said === null) return undefined
  if (typeof said === 'object' && !(said instanceof Uint8Array))
    return fail('a value has an unsupported type')
  if (typeof said !== 'string') return said as Value
  if (v === undefined && bv === undefined && ov !== undefined) return linkOrText(said)
  return type === 'Opaque' ? (parseBase64(said) ?? said) : said
}

function timeOf(
  base: JsonValue | undefined,
  own: JsonValue | undefined,
  path: Path,
  context: CodecContext,
  fail: Fail,
): number | undefined {
  if (
    (base !== undefined && typeof base !== 'number') ||
    (own !== undefined && typeof own !== 'number')
  ) {
    return fail('a time is not a number')
  }
  if (own === undefined && (base === undefined || base === 0)) return undefined
  const seconds = (base ?? 0) + (own ?? 0)
  const now = context.now ?? Date.now()
  return seconds === 0 ? Math.round(now) : recordTime(seconds, now, path, context)
}

/** The path of an entry; without a base name it may be relative to the requested path. */
function pathOf(baseName: string, name: string, context: CodecContext): Path {
  const { base } = context
  if (baseName === '' && name === '') return base
  const path = namedPath(baseName, name, true, context)
  if (baseName !== '' || name.startsWith('/') || base.contains(path)) return path
  return Path.parse(`${base.toString()}/${name}`)
}

function decodeEntries(pack: JsonObject, context: CodecContext, fail: Fail): Record[] {
  const { bn = '', bt, e } = pack
  if (typeof bn !== 'string') return fail('bn is not text')
  if (!Array.isArray(e)) return fail('e is not an array')
  if (e.length > MAX_RECORDS) return fail(`${e.length} entries exceed the limit of ${MAX_RECORDS}`)
  return e.map((item) => {
    const entry = object(item, 'an entry', fail)
    const { n = '' } = entry
    if (typeof n !== 'string') return fail('n is not text')
    const path = pathOf(bn, n, context)
    if (!context.base.contains(path)) return fail(`${path} is not within ${context.base}`)
    if (path.level < Level.RESOURCE) return fail(`${path} is not a resource but has a value`)
    const type = context.resource?.(path)?.type
    const value = valueOf(entry, type, fail)
    const coerced =
      value === undefined || type === undefined
        ? value
        : coerce(value, type, (message) => context.warn?.(`JSON: ${path}: ${message}`, path))
    const time = timeOf(bt, entry['t'], path, context, fail)
    return time === undefined ? { path, value: coerced } : { path, value: coerced, time }
  })
}

function encodeEntry({ path, value, time }: Record, context: CodecContext, own: string): string {
  if (value === undefined) throw new EncodeError(`JSON needs a value for ${path}`)
  const members: [string, string | number | bigint | boolean][] = [
    ['n', path.toString().slice(own.length + 1)],
  ]
  const type = context.resource?.(path)?.type
  let typed: Value
  try {
    typed = type === undefined ? value : toType(value, type)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new EncodeError(`${path}: ${error.message}`, { cause: error })
  }
  if (typeof typed === 'string') members.push(['sv', typed])
  else if (typeof typed === 'boolean') members.push(['bv', typed])
  else if (typed instanceof Uint8Array) members.push(['sv', Buffer.from(typed).toString('base64')])
  else if (typed instanceof ObjectLink) members.push(['ov', typed.toString()])
  else if (typed instanceof Date) members.push(['v', secondsOf(typed)])
  else if (typeof typed === 'number' && !Number.isFinite(typed)) {
    throw new EncodeError(`${path}: ${typed} cannot be encoded in JSON`)
  } else members.push(['v', typed])
  if (time !== undefined) members.push(['t', time / 1000])
  return stringifyJson(members)
}

export const lwm2mJson: Codec = {
  format: ContentFormat.LWM2M_JSON,
  legacy: [ContentFormat.LEGACY_JSON],
  name: 'application/vnd.oma.lwm2m+json',
  names: ['json', 'lwm2m-json'],
  since: '1.0',
  shape: 'pack',
  notation: 'json',
  twin: ContentFormat.LWM2M_CBOR,
  timed: true,
  decode(bytes, context) {
    const fail: Fail = failure(ContentFormat.LWM2M_JSON, 'JSON', bytes)
    if (bytes.length === 0) return []
    const warn = (message: string): void => context.warn?.(message, context.base)
    const pack = object(parseJson(ContentFormat.LWM2M_JSON, bytes, warn), 'the payload', fail)
    try {
      return decodeEntries(pack, context, fail)
    } catch (error) {
      if (error instanceof DecodeError || !(error instanceof CodedError)) throw error
      return fail(error.message)
    }
  },
  encode(records, context) {
    const { base } = context
    for (const { path } of records) {
      if (!base.contains(path)) throw new EncodeError(`${path} is not within ${base}`)
    }
    const root = context.root === undefined || context.root === '' ? '' : `/${context.root}`
    // The base name ends where the names of the entries begin.
    const isSingle = records.length > 0 && records.every(({ path }) => path.equals(base))
    const parent = isSingle ? base.at(base.level - 1) : base
    const own = parent.level === Level.ROOT && parent.prefix === '' ? '' : parent.toString()
    const entries = records.map((record) => encodeEntry(record, context, own))
    return Buffer.from(`{"bn":${JSON.stringify(`${root}${own}/`)},"e":[${entries.join(',')}]}`)
  },
}
