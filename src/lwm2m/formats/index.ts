/** The registry of content formats, used by all upper layers. */
import { isUtf8 } from 'node:buffer'
import { CodedError } from '../../base/coded-error'
import { Level, Path } from '../path'
import type { Record } from '../record'
import { cbor } from './cbor'
import { compareVersions, type Lwm2mVersion } from '../versions'
import {
  type Codec,
  type CodecContext,
  ContentFormat,
  DecodeError,
  EncodeError,
  type FormatTraits,
} from './codec'
import { link } from './link'
import { lwm2mCbor } from './lwm2m-cbor'
import { lwm2mJson } from './lwm2m-json'
import { opaque } from './opaque'
import { senmlCbor, senmlEtchCbor } from './senml-cbor'
import { senmlEtchJson, senmlJson } from './senml-json'
import { text } from './text'
import { tlv } from './tlv'

export { type Codec, type CodecContext, ContentFormat, DecodeError, EncodeError, type FormatTraits }

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

/** By its current number. */
const OWN = new Map<number, Codec>(CODECS.map((codec) => [codec.format, codec]))
/** Including numbers from before 1.0. */
const BY_NUMBER = new Map<number, Codec>(
  CODECS.flatMap((codec) =>
    [codec.format, ...(codec.legacy ?? [])].map((number) => [number, codec] as const),
  ),
)
const NUMBERS = new Map<string, number>(
  CODECS.flatMap(({ format, name, names }) =>
    [name, ...names].map((one) => [one, format] as const),
  ),
)

/** `112` -> `'senml-cbor'`; the number as text if it is unknown. */
export function formatName(format: number): string {
  return OWN.get(format)?.names[0] ?? String(format)
}

/** The short names of all formats. */
export const formatNames: readonly string[] = CODECS.map(({ names }) => names[0])

/** `'senml-cbor'`, `'application/senml+cbor'` or `'112'` -> 112; undefined if it is unknown. */
export function parseFormatName(name: string): number | undefined {
  const trimmed = name.trim().toLowerCase()
  const known = NUMBERS.get(trimmed)
  if (known !== undefined) return known
  return /^\d{1,5}$/.test(trimmed) && Number(trimmed) <= 0xffff ? Number(trimmed) : undefined
}

/** The properties of a format, by its current number. */
export function formatTraits(format: number): FormatTraits | undefined {
  return OWN.get(format)
}

/** The formats of an LwM2M version, including those of earlier ones. */
export function formatsOf(version: Lwm2mVersion): readonly number[] {
  return CODECS.filter(({ since }) => compareVersions(since, version) <= 0).map(
    ({ format }) => format,
  )
}

/** Whether payloads in this format hold one value and no path. */
export function isValueFormat(format: number): boolean {
  return OWN.get(format)?.shape === 'value'
}

/** Whether it holds any number of values, in requests and responses, as needed for instances. */
export function isTreeFormat(format: number): boolean {
  const codec = OWN.get(format)
  return (codec?.shape === 'tree' || codec?.shape === 'pack') && codec.answeredIn === undefined
}

/**
 * Whether it holds values with full names, as a server accepts them in a Send or a composite
 * response, including the JSON of 1.0 by any of its numbers.
 */
export function hasWholeNames(format: number): boolean {
  const codec = BY_NUMBER.get(format)
  return codec?.shape === 'pack' && codec.answeredIn === undefined
}

/**
 * Whether it is used for Send (Core §6.4.6), composite responses and Bootstrap-Packs, since 1.1.
 */
export function isPackFormat(format: number): boolean {
  return hasWholeNames(format) && OWN.get(format)?.since !== '1.0' && OWN.has(format)
}

/** Whether it is used for composite requests, including those that delete. */
export function isCompositeFormat(format: number): boolean {
  return isPackFormat(format) || OWN.get(format)?.deletes === true
}

/** Whether its payloads are readable text. */
export function isTextFormat(format: number): boolean {
  const notation = OWN.get(format)?.notation
  return notation === 'text' || notation === 'json'
}

/**
 * Some devices confuse a JSON format with its CBOR counterpart (11544 was JSON in drafts). The
 * first byte distinguishes them: JSON begins with `{`, `[` or space, which no CBOR map or array
 * does.
 */
function unswapped(format: number, bytes: Uint8Array): number {
  const { twin, notation } = OWN.get(format) ?? {}
  const [first] = bytes
  if (twin === undefined || first === undefined) return format
  const isCbor = first >= 0x80 && first <= 0xbf
  const isJson = first <= 0x20 ? JSON_SPACE.has(first) : first === 0x5b || first === OPENING_BRACE
  return (notation === 'cbor' && isJson) || (notation === 'json' && isCbor) ? twin : format
}

const OPENING_BRACE = 0x7b
const JSON_SPACE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20])

/**
 * The format of a payload without Content-Format. A device of 1.0 sends text for a single resource
 * (Core 1.0 §6.4); anything else can only be JSON or TLV. If the version is unknown, only text for
 * a single resource is assumed.
 * @throws DecodeError
 */
function impliedFormat(bytes: Uint8Array, { base, version, warn }: CodecContext): number {
  const isSingle = base.level >= Level.RESOURCE
  if (isSingle && (version === undefined || version === '1.0') && isUtf8(bytes)) {
    return ContentFormat.TEXT
  }
  if (version !== '1.0') {
    throw new DecodeError(undefined, `no Content-Format in the answer for ${base}`, bytes)
  }
  const format = bytes[0] === OPENING_BRACE ? ContentFormat.LWM2M_JSON : ContentFormat.TLV
  warn?.(`an answer without Content-Format, read as ${formatName(format)}`, base)
  return format
}

/**
 * Decodes a payload by its Content-Format.
 * @param format undefined if there is none: see {@link impliedFormat}; an empty payload has no
 *   records in any format
 * @throws DecodeError unknown format, or malformed
 */
export function decode(
  format: number | undefined,
  bytes: Uint8Array,
  context: CodecContext,
): Record[] {
  if (format === undefined && bytes.length === 0) return []
  const said = format ?? impliedFormat(bytes, context)
  const own = unswapped(said, bytes)
  const codec = BY_NUMBER.get(own)
  if (codec === undefined) {
    throw new DecodeError(format, `Content-Format ${said} is not known`, bytes)
  }
  if (own !== said) context.warn?.(`Content-Format ${said} with a payload of ${own}`, context.base)
  return codec.decode(bytes, context)
}

/** @throws EncodeError unknown format, or the records cannot be encoded in it */
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

/**
 * Whether a format can represent all of `records` as the content of `base`. Types are checked only
 * when the records are encoded.
 */
export function canEncode(format: number, records: readonly Record[], base: Path): boolean {
  const codec = OWN.get(format)
  if (codec === undefined || !records.every(({ path }) => base.contains(path))) return false
  if (codec.timed !== true && records.some(({ time }) => time !== undefined)) return false
  if (codec.deletes !== true && records.some(({ value }) => value === undefined)) return false
  switch (codec.shape) {
    case 'value':
    case 'links': {
      const [only] = records
      if (records.length !== 1 || only?.path.equals(base) !== true) return false
      return codec.bytesOnly !== true || only.value instanceof Uint8Array
    }
    case 'tree':
      return base.level > Level.ROOT
    case 'pack':
      return true
  }
}

/** Encodes a list of paths of a composite request: records without values. @throws EncodeError */
export function encodePaths(
  format: number,
  paths: readonly Path[],
  context: Omit<CodecContext, 'base'>,
): Buffer {
  const codec = OWN.get(OWN.get(format)?.answeredIn ?? format)
  if (codec?.paths !== true) {
    throw new EncodeError(`a list of paths cannot be encoded in ${formatName(format)}`)
  }
  const records = paths.map((path) => ({ path, value: undefined }))
  return codec.encode(records, { ...context, base: Path.ROOT })
}

/** The paths of a composite request. @throws DecodeError */
export function decodePaths(
  format: number | undefined,
  bytes: Uint8Array,
  context: Omit<CodecContext, 'base'>,
): Path[] {
  return decode(format, bytes, { ...context, base: Path.ROOT }).map(({ path }) => path)
}
