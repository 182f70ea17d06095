/** Conversion of values to the type of their resource (Core appendix C), and parsing of text. */
import { DECIMAL, isMilliseconds } from './milliseconds'
import { ObjectLink, type ResourceType, type Value, ValueError } from './value'

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** ECMAScript's largest time, seconds from the epoch in both directions. */
const MAX_SECONDS = 8_640_000_000_000

/** Called instead of throwing: a decoder delivers the value unchanged, with a warning. */
export type Warn = (message: string) => void

const quiet: Warn = () => {}

/** A 64-bit integer as `number` if that is exact, otherwise as `bigint`. */
export function integerOf(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value
}

/**
 * Converts a value to its type if that is possible without changing its meaning: an integral float
 * to an integer, `1` to a boolean, seconds to a `Date`. Other values are returned unchanged, with a
 * warning; nothing is wrapped or truncated.
 */
export function coerce(value: Value, type: ResourceType, warn: Warn = quiet): Value {
  const coerced = convert(value, type)
  if (coerced === undefined) {
    warn(`${describe(value)} is not a valid ${type}`)
    return value
  }
  if (isLoose(value, type)) warn(`${describe(value)} converted to ${type}`)
  return coerced
}

/**
 * Like {@link coerce}, for values from an application; text is parsed as by {@link parseValue}, and
 * for a Time numbers from 1e11 on are milliseconds.
 * @throws ValueError if the value cannot be converted to this type
 */
export function toType(value: Value, type: ResourceType): Value {
  const converted =
    typeof value === 'string'
      ? parse(value, type)
      : type === 'Time' && isMilliseconds(value)
        ? dateOf(Number(value))
        : convert(value, type)
  if (converted === undefined)
    throw new ValueError(`${describe(value)} is not a valid ${wanted(type)}`)
  return converted
}

/**
 * Parses the text of a value: decimal numbers, `true`/`false`/`1`/`0`, ISO 8601 or Unix seconds
 * (milliseconds from 1e11 on), hex (`0x…`) or base64, `66:0`.
 * @throws ValueError
 */
export function parseValue(text: string, type: ResourceType): Value {
  const value = parse(text, type)
  if (value === undefined)
    throw new ValueError(`${JSON.stringify(text)} is not a valid ${wanted(type)}`)
  return value
}

/** Text for display: bytes as hex, times as ISO 8601. */
export function formatValue(value: Value): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? 'invalid time' : value.toISOString()
  }
  return String(value)
}

/**
 * Whether two values are equal: bytes, times and links by content, a 64-bit integer as `number` or
 * `bigint`, NaN equal to NaN.
 */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true
  if (isNumber(a) && isNumber(b)) return a == b || (Number.isNaN(a) && Number.isNaN(b))
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  return a instanceof ObjectLink && b instanceof ObjectLink && a.toString() === b.toString()
}

function isNumber(value: Value | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/**
 * Whole seconds since the epoch, as in the type Time (Core appendix C).
 * @throws ValueError for an invalid date
 */
export function secondsOf(time: Date): number {
  const seconds = Math.floor(time.getTime() / 1000)
  if (Number.isNaN(seconds)) throw new ValueError('an invalid Date is not a valid Time')
  return seconds
}

function describe(value: Value): string {
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, 16)).toString('hex')
    return `the bytes ${hex}${value.length > 16 ? '…' : ''}`
  }
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : formatValue(value)
  return text
}

/** A type with an example, for error messages. */
function wanted(type: ResourceType): string {
  switch (type) {
    case 'Integer':
      return 'Integer (a whole number of 64 bits)'
    case 'Unsigned Integer':
      return 'Unsigned Integer (a whole number from 0 to 2^64-1)'
    case 'Float':
      return 'Float (a number)'
    case 'Boolean':
      return 'Boolean (true or false)'
    case 'Opaque':
      return 'Opaque (a Buffer, or text as hex with 0x or base64)'
    case 'Time':
      return 'Time (a valid Date, ISO 8601 text, or Unix seconds)'
    case 'Objlnk':
      return 'Objlnk (text like "66:0")'
    case 'Corelnk':
      return 'Corelnk (link-format text like "</3/0>")'
    case 'String':
      return 'String'
    case 'None':
      return 'value: this resource is executed'
  }
}

/** Conversions that interpret more than the format defines; they cause a warning. */
function isLoose(value: Value, type: ResourceType): boolean {
  switch (type) {
    case 'Boolean':
      return typeof value !== 'boolean'
    case 'String':
    case 'Corelnk':
      return typeof value !== 'string'
    case 'Integer':
    case 'Unsigned Integer':
    case 'Float':
      return typeof value !== 'number' && typeof value !== 'bigint'
    default:
      return false
  }
}

function convert(value: Value, type: ResourceType): Value | undefined {
  switch (type) {
    case 'String':
    case 'Corelnk':
      return toText(value)
    case 'Integer':
      return toInteger(value, INT64_MIN, INT64_MAX)
    case 'Unsigned Integer':
      return toInteger(value, 0n, UINT64_MAX)
    case 'Float':
      return toFloat(value)
    case 'Boolean':
      return toBoolean(value)
    case 'Opaque':
      return value instanceof Uint8Array ? value : undefined
    case 'Time':
      return toTime(value)
    case 'Objlnk':
      return toLink(value)
    case 'None':
      return undefined
  }
}

function parse(text: string, type: ResourceType): Value | undefined {
  switch (type) {
    case 'Opaque':
      return parseBytes(text)
    case 'Time': {
      if (isMilliseconds(text)) return dateOf(Number(text))
      return toTime(text) ?? dateOf(text)
    }
    default:
      return convert(text, type)
  }
}

function toText(value: Value): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value)
  }
  if (!(value instanceof Uint8Array)) return undefined
  try {
    return utf8.decode(value)
  } catch {
    return undefined
  }
}

function toInteger(value: Value, min: bigint, max: bigint): number | bigint | undefined {
  let exact: bigint
  if (typeof value === 'bigint') exact = value
  else if (typeof value === 'number') {
    if (!Number.isInteger(value)) return undefined
    if (Number.isSafeInteger(value) && (min < 0n || value >= 0)) return value === 0 ? 0 : value
    exact = BigInt(value)
  } else if (typeof value === 'boolean') return value ? 1 : 0
  else if (typeof value === 'string') {
    const text = value.trim()
    if (/^[+-]?\d{1,20}$/.test(text)) exact = BigInt(text.replace(/^\+/, ''))
    else {
      // `1.638435E9`: text of a float, accepted if no digit of it can be lost.
      const float = toFloat(text) ?? NaN
      return Number.isSafeInteger(float) ? toInteger(float, min, max) : undefined
    }
  } else return undefined
  return exact >= min && exact <= max ? integerOf(exact) : undefined
}

function toFloat(value: Value): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : undefined
}

function toBoolean(value: Value): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (value === 0 || value === 0n) return false
  if (value === 1 || value === 1n) return true
  if (typeof value !== 'string') return undefined
  const text = value.trim().toLowerCase()
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : undefined
}

/** @param time milliseconds, or text as accepted by `Date` */
function dateOf(time: number | string): Date | undefined {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function toTime(value: Value): Date | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value
  const numeric = typeof value === 'string' ? toFloat(value) : value
  if (typeof numeric !== 'number' && typeof numeric !== 'bigint') return undefined
  const seconds = Number(numeric)
  return Math.abs(seconds) <= MAX_SECONDS ? new Date(seconds * 1000) : undefined
}

function toLink(value: Value): ObjectLink | undefined {
  if (value instanceof ObjectLink) return value
  if (typeof value !== 'string') return undefined
  try {
    return ObjectLink.parse(value.trim())
  } catch {
    return undefined
  }
}

function parseBytes(text: string): Uint8Array | undefined {
  const compact = text.trim()
  if (/^0x[\da-f]*$/i.test(compact)) {
    return compact.length % 2 === 0 ? Buffer.from(compact.slice(2), 'hex') : undefined
  }
  return parseBase64(compact)
}

/**
 * Decodes base64 in either alphabet, padded or not (RFC 4648 §4, §5); undefined if it is invalid.
 */
export function parseBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/[\r\n]/g, '').replace(/={1,2}$/, '')
  if (!/^[\w+/-]*$/.test(compact) || compact.length % 4 === 1) return undefined
  return Buffer.from(compact, 'base64')
}
