/** The registry of content formats, and the way in for everything above. */
import { CodedError } from '../../base/coded-error'
import { Level, Path } from '../path'
import type { Record } from '../record'
import { cbor } from './cbor'
import { type Codec, type CodecContext, ContentFormat, DecodeError, EncodeError } from './codec'
import { link } from './link'
import { lwm2mCbor } from './lwm2m-cbor'
import { lwm2mJson } from './lwm2m-json'
import { opaque } from './opaque'
import { senmlCbor, senmlEtchCbor } from './senml-cbor'
import { senmlEtchJson, senmlJson } from './senml-json'
import { text } from './text'
import { tlv } from './tlv'

export { type Codec, type CodecContext, ContentFormat, DecodeError, EncodeError }

const CODECS: readonly Codec[] = [
  text,
  link,
  opaque,
  cbor,
  senmlJson,
  senmlCbor,
  senmlEtchJson,
  senmlEtchCbor,
  tlv,
  lwm2mJson,
  lwm2mCbor,
]

const BY_NUMBER = new Map<number, Codec>([
  ...CODECS.map((codec) => [codec.format, codec] as const),
  [ContentFormat.LEGACY_TEXT, text],
  [ContentFormat.LEGACY_TLV, tlv],
  [ContentFormat.LEGACY_JSON, lwm2mJson],
  [ContentFormat.LEGACY_OPAQUE, opaque],
])

/** Short names, as dialogs and messages use them. */
const NAMES: { readonly [format: number]: string } = {
  [ContentFormat.TEXT]: 'text',
  [ContentFormat.LINK]: 'link',
  [ContentFormat.OCTET_STREAM]: 'opaque',
  [ContentFormat.CBOR]: 'cbor',
  [ContentFormat.SENML_JSON]: 'senml-json',
  [ContentFormat.SENML_CBOR]: 'senml-cbor',
  [ContentFormat.SENML_ETCH_JSON]: 'senml-etch-json',
  [ContentFormat.SENML_ETCH_CBOR]: 'senml-etch-cbor',
  [ContentFormat.TLV]: 'tlv',
  [ContentFormat.LWM2M_JSON]: 'json',
  [ContentFormat.LWM2M_CBOR]: 'lwm2m-cbor',
}

const NUMBERS = new Map<string, number>([
  ...Object.entries(NAMES).map(([format, name]) => [name, Number(format)] as const),
  ...CODECS.map((codec) => [codec.name, codec.format] as const),
  ['lwm2m-json', ContentFormat.LWM2M_JSON],
])

/** The codec of a Content-Format number, legacy numbers included. */
export function codecFor(format: number): Codec | undefined {
  return BY_NUMBER.get(format)
}

/** `112` -> `'senml-cbor'`; the number as text where it has no name here. */
export function formatName(format: number): string {
  return NAMES[format] ?? String(format)
}

/** The short names of all formats. */
export const formatNames: readonly string[] = Object.values(NAMES)

/** `'senml-cbor'`, `'application/senml+cbor'` or `'112'` -> 112; undefined where it is none. */
export function parseFormatName(name: string): number | undefined {
  const trimmed = name.trim().toLowerCase()
  const known = NUMBERS.get(trimmed)
  if (known !== undefined) return known
  return /^\d{1,5}$/.test(trimmed) && Number(trimmed) <= 0xffff ? Number(trimmed) : undefined
}

/** The CBOR form of each JSON format, and the other way round. */
const TWINS = new Map<number, number>(
  [
    [ContentFormat.LWM2M_JSON, ContentFormat.LWM2M_CBOR] as const,
    [ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR] as const,
    [ContentFormat.SENML_ETCH_JSON, ContentFormat.SENML_ETCH_CBOR] as const,
  ].flatMap(([json, cbor]) => [
    [json, cbor],
    [cbor, json],
  ]),
)

/**
 * Some devices swap a JSON format and its CBOR twin (11544 was JSON in drafts). The first byte tells
 * them apart: JSON begins with `{`, `[` or space, which no CBOR map or array does.
 */
function unswapped(format: number, bytes: Uint8Array): number {
  const twin = TWINS.get(format)
  const [first] = bytes
  if (twin === undefined || first === undefined) return format
  const isCbor = first >= 0x80 && first <= 0xbf
  const isJson = first <= 0x20 ? JSON_SPACE.has(first) : first === 0x5b || first === 0x7b
  const saysCbor = CBOR_FORMATS.has(format)
  return (saysCbor && isJson) || (!saysCbor && isCbor) ? twin : format
}

const JSON_SPACE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20])
const CBOR_FORMATS: ReadonlySet<number> = new Set([
  ContentFormat.LWM2M_CBOR,
  ContentFormat.SENML_CBOR,
  ContentFormat.SENML_ETCH_CBOR,
])

/**
 * Decodes a payload by the Content-Format that came with it.
 * @param format undefined where there was none: text for a single resource (Core 1.0), else an error;
 *   an empty payload says nothing in any format
 * @throws DecodeError unknown format, or malformed
 */
export function decode(
  format: number | undefined,
  bytes: Uint8Array,
  context: CodecContext,
): Record[] {
  if (format === undefined) {
    if (bytes.length === 0) return []
    if (context.base.level < Level.RESOURCE) {
      throw new DecodeError(undefined, `no Content-Format in the answer for ${context.base}`, bytes)
    }
    return text.decode(bytes, context)
  }
  const own = unswapped(format, bytes)
  const codec = BY_NUMBER.get(own)
  if (codec === undefined) {
    throw new DecodeError(format, `Content-Format ${format} is not known`, bytes)
  }
  if (own !== format) {
    context.warn?.(`Content-Format ${format} with a payload of ${own}`, context.base)
  }
  return codec.decode(bytes, context)
}

/** @throws EncodeError unknown format, or the records cannot be said in it */
export function encode(format: number, records: readonly Record[], context: CodecContext): Buffer {
  const codec = BY_NUMBER.get(format)
  if (codec === undefined) throw new EncodeError(`Content-Format ${format} is not known`)
  try {
    return codec.encode(records, context)
  } catch (error) {
    if (error instanceof EncodeError || !(error instanceof CodedError)) throw error
    throw new EncodeError(error.message, { cause: error })
  }
}

/** Formats that say when a value was. */
const TIMED: ReadonlySet<number> = new Set([
  ContentFormat.SENML_JSON,
  ContentFormat.SENML_CBOR,
  ContentFormat.SENML_ETCH_JSON,
  ContentFormat.SENML_ETCH_CBOR,
  ContentFormat.LWM2M_JSON,
])

/**
 * Whether a format can say all of `records` as the content of `base`: text and its like hold the one
 * value of `base` itself, only SenML and JSON times, only SenML-ETCH deletions. Whether each value
 * fits its type shows when it is encoded.
 */
export function canEncode(format: number, records: readonly Record[], base: Path): boolean {
  if (!records.every(({ path }) => base.contains(path))) return false
  if (!TIMED.has(format) && records.some(({ time }) => time !== undefined)) return false
  const deletes = records.some(({ value }) => value === undefined)
  switch (format) {
    case ContentFormat.TEXT:
    case ContentFormat.LINK:
    case ContentFormat.CBOR:
      return !deletes && isOnlyValue(records, base)
    case ContentFormat.OCTET_STREAM:
      return isOnlyValue(records, base) && records[0]?.value instanceof Uint8Array
    case ContentFormat.TLV:
      return !deletes && base.level > Level.ROOT
    case ContentFormat.SENML_ETCH_JSON:
    case ContentFormat.SENML_ETCH_CBOR:
      return true
    default:
      return !deletes && BY_NUMBER.get(format)?.format === format
  }
}

function isOnlyValue(records: readonly Record[], base: Path): boolean {
  return records.length === 1 && records[0]?.path.equals(base) === true
}

/** A list of paths, as composite requests carry it: records without values. @throws EncodeError */
export function encodePaths(
  format: number,
  paths: readonly Path[],
  context: Omit<CodecContext, 'base'>,
): Buffer {
  const records = paths.map((path) => ({ path, value: undefined }))
  const own: CodecContext = { ...context, base: Path.ROOT }
  switch (format) {
    case ContentFormat.SENML_JSON:
    case ContentFormat.SENML_ETCH_JSON:
      return senmlJson.encode(records, own)
    case ContentFormat.SENML_CBOR:
    case ContentFormat.SENML_ETCH_CBOR:
      return senmlCbor.encode(records, own)
    case ContentFormat.LWM2M_CBOR:
      return lwm2mCbor.encode(records, own)
    default:
      throw new EncodeError(`a list of paths cannot be said in ${formatName(format)}`)
  }
}

/** The paths of a composite request. @throws DecodeError */
export function decodePaths(
  format: number | undefined,
  bytes: Uint8Array,
  context: Omit<CodecContext, 'base'>,
): Path[] {
  return decode(format, bytes, { ...context, base: Path.ROOT }).map(({ path }) => path)
}
