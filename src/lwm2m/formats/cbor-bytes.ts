/** Decodes untrusted CBOR (RFC 8949) to JavaScript values, and encodes them, with cbor-x. */
import { isUtf8 } from 'node:buffer'
import { Decoder, Encoder } from 'cbor-x'
import { ByteReader, OutOfBounds } from '../../base/byte-reader'
import { integerOf, type Warn } from '../values'
import { DecodeError } from './codec'
import { checkSize, MAX_RECORDS } from './limits'

/** Values that occur in these formats. Maps, because keys are numbers, text or arrays. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | Date
  | CborValue[]
  | Map<CborValue, CborValue>

/** Maximum nesting of arrays, maps and tags; the deepest of our formats needs six. */
const MAX_DEPTH = 16

/** RFC 8949 §3.4. All others are rejected: cbor-x would call a global function for tag 27. */
const Tag = {
  DATE_TIME: 0,
  EPOCH_TIME: 1,
  BIGNUM: 2,
  NEGATIVE_BIGNUM: 3,
  DECIMAL: 4,
  SELF_DESCRIBED: 55799,
}
const TAGS: ReadonlySet<number> = new Set(Object.values(Tag))
/** ECMAScript's largest time, seconds from the epoch in both directions. */
const MAX_SECONDS = 8_640_000_000_000
/** The text of tag 0 (RFC 3339 §5.6); seconds may be 60. */
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/
/** Enough for 64-bit types, with leading zeros. */
const MAX_BIGNUM = 16

const MAJOR = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7 }
const TIME_CONTENT: ReadonlySet<number> = new Set([
  MAJOR.UNSIGNED,
  MAJOR.NEGATIVE,
  MAJOR.TEXT,
  MAJOR.SIMPLE,
])
const INDEFINITE = 31
const BREAK = 0xff

/** The bytes are not valid CBOR for these formats. */
class Malformed extends Error {}

/**
 * Scans the bytes once before cbor-x decodes them: lengths, nesting, number of items and tags are
 * checked, so that a device cannot cause large allocations or deep recursion.
 */
class CborScanner {
  private items = 0
  private isInKey = false
  /** Replacements of parts of the bytes; in order, not overlapping. */
  private replaced: { start: number; end: number; whole: Uint8Array }[] = []
  /** Text strings that are not valid UTF-8 were replaced by byte strings. */
  hasInvalidText = false

  constructor(private readonly reader: ByteReader) {}

  /**
   * The bytes in a form that cbor-x decodes correctly: strings of indefinite length in one piece,
   * text that is not valid UTF-8 as a byte string, times (tags 0 and 1) in one form.
   */
  document(): Uint8Array {
    this.item(0)
    if (this.reader.remaining > 0) throw new Malformed(`${this.reader.remaining} bytes too many`)
    const { bytes } = this.reader
    // Always a new view: cbor-x sets a property on its input.
    if (this.replaced.length === 0) return bytes.subarray()
    const pieces: Uint8Array[] = []
    let from = 0
    for (const { start, end, whole } of this.replaced) {
      pieces.push(bytes.subarray(from, start), whole)
      from = end
    }
    return Buffer.concat([...pieces, bytes.subarray(from)])
  }

  private item(depth: number): void {
    if (depth > MAX_DEPTH) throw new Malformed(`nested deeper than ${MAX_DEPTH}`)
    if (++this.items > 4 * MAX_RECORDS) throw new Malformed('too many items')
    const start = this.reader.offset
    const initial = this.reader.uint8()
    const major = initial >> 5
    const info = initial & 31
    if (major === MAJOR.SIMPLE) return this.simple(info)
    if (info === INDEFINITE && (major === MAJOR.BYTES || major === MAJOR.TEXT)) {
      return this.chunks(major)
    }
    if (info === INDEFINITE) return this.indefinite(major, depth)
    const argument = this.argument(info)
    switch (major) {
      case MAJOR.BYTES:
        this.reader.skip(argument)
        return
      case MAJOR.TEXT:
        return this.text(argument, start)
      case MAJOR.ARRAY:
        return this.children(argument, depth)
      case MAJOR.MAP:
        return this.pairs(argument, depth)
      case MAJOR.TAG:
        return this.tagged(argument, start, depth)
    }
  }

  private text(length: number, start: number): void {
    if (isUtf8(this.reader.take(length))) return
    this.checkInvalidText()
    // The same head with the major type of a byte string.
    const initial = this.reader.bytes[start] as number
    const whole = Buffer.from([(MAJOR.BYTES << 5) | (initial & 31)])
    this.replaced.push({ start, end: start + 1, whole })
  }

  private checkInvalidText(): void {
    if (this.isInKey) throw new Malformed('a key is not valid UTF-8')
    this.hasInvalidText = true
  }

  private argument(info: number): number {
    if (info < 24) return info
    switch (info) {
      case 24:
        return this.reader.uint8()
      case 25:
        return this.reader.uint16()
      case 26:
        return this.reader.uint32()
      case 27:
        return this.reader.uint32() * 2 ** 32 + this.reader.uint32()
      default:
        throw new Malformed(`reserved length ${info}`)
    }
  }

  private children(count: number, depth: number): void {
    // Each child takes at least one byte, so there cannot be more.
    if (count > this.reader.remaining)
      throw new Malformed(`${count} items announced, fewer present`)
    for (let i = 0; i < count; i++) this.item(depth + 1)
  }

  private pairs(count: number, depth: number): void {
    if (count * 2 > this.reader.remaining)
      throw new Malformed(`${count} pairs announced, fewer present`)
    for (let i = 0; i < count; i++) this.pair(depth)
  }

  private pair(depth: number): void {
    this.isInKey = true
    this.item(depth + 1)
    this.isInKey = false
    this.item(depth + 1)
  }

  private indefinite(major: number, depth: number): void {
    if (major !== MAJOR.ARRAY && major !== MAJOR.MAP) {
      throw new Malformed('indefinite length is not allowed here')
    }
    while (!this.atBreak()) {
      if (major === MAJOR.MAP) this.pair(depth)
      else this.item(depth + 1)
    }
  }

  private chunks(major: number): void {
    const start = this.reader.offset - 1
    const chunks: Uint8Array[] = []
    while (!this.atBreak()) {
      const initial = this.reader.uint8()
      if (initial >> 5 !== major || (initial & 31) === INDEFINITE) {
        throw new Malformed('a chunk of another type')
      }
      if (++this.items > 4 * MAX_RECORDS) throw new Malformed('too many items')
      chunks.push(this.reader.take(this.argument(initial & 31)))
    }
    const body = Buffer.concat(chunks)
    const isText = major === MAJOR.TEXT && isUtf8(body)
    if (major === MAJOR.TEXT && !isText) this.checkInvalidText()
    const head = Buffer.from([((isText ? MAJOR.TEXT : MAJOR.BYTES) << 5) | 26, 0, 0, 0, 0])
    head.writeUInt32BE(body.length, 1)
    this.replaced.push({ start, end: this.reader.offset, whole: Buffer.concat([head, body]) })
  }

  private tagged(tag: number, tagStart: number, depth: number): void {
    if (!TAGS.has(tag)) throw new Malformed(`tag ${tag} has no meaning here`)
    const start = this.reader.offset
    const next = this.peek()
    if (tag === Tag.DATE_TIME || tag === Tag.EPOCH_TIME) return this.time(tagStart, depth)
    if (tag === Tag.BIGNUM || tag === Tag.NEGATIVE_BIGNUM) {
      if (next >> 5 !== MAJOR.BYTES || (next & 31) > MAX_BIGNUM) throw new Malformed('bad bignum')
    }
    if (tag === Tag.DECIMAL && next !== 0x82) throw new Malformed('bad decimal fraction')
    this.item(depth + 1)
    if (tag === Tag.DECIMAL) this.decimal(start + 1)
  }

  /**
   * A time as text (tag 0) or as a number of any width (tag 1; RFC 8949 §3.4.1, §3.4.2): replaced
   * by a double with tag 1. Content that is not a time loses its tag and is decoded without it.
   */
  private time(tagStart: number, depth: number): void {
    const { reader } = this
    const start = reader.offset
    const before = this.replaced.length
    if (this.isInKey || !TIME_CONTENT.has(this.peek() >> 5)) throw new Malformed('bad time')
    this.item(depth + 1)
    const end = reader.offset
    // The text may consist of chunks.
    const inner = this.replaced[before]
    const content = inner?.end === end ? inner.whole : reader.bytes.subarray(start, end)
    const seconds = secondsIn(decoder.decode(Uint8Array.from(content)) as CborValue)
    if (seconds === undefined) {
      this.replaced.splice(before, 0, { start: tagStart, end: start, whole: new Uint8Array(0) })
      return
    }
    const whole = Buffer.from([(MAJOR.TAG << 5) | Tag.EPOCH_TIME, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0])
    whole.writeDoubleBE(seconds, 2)
    this.replaced.splice(before, Infinity, { start: tagStart, end, whole })
  }

  /** Exponent and mantissa are integers; a bignum mantissa was checked as a tag. */
  private decimal(at: number): void {
    const exponent = this.reader.bytes[at] ?? 0
    if (exponent >> 5 > 1) throw new Malformed('bad decimal fraction')
  }

  private simple(info: number): void {
    // cbor-x would decode 1.0 as 1, which could not be distinguished afterwards.
    if (this.isInKey) throw new Malformed('a key is an integer, a text, or an array of these')
    // false, true, null, undefined; half, single, double.
    if (info >= 20 && info <= 23) return
    if (info < 25 || info > 27) throw new Malformed(`simple value ${info} has no meaning here`)
    this.reader.skip(1 << (info - 24))
  }

  private peek(): number {
    const { bytes, offset, end } = this.reader
    if (offset >= end) throw new OutOfBounds('an item is missing')
    return bytes[offset] as number
  }

  private atBreak(): boolean {
    if (this.peek() !== BREAK) return false
    this.reader.skip(1)
    return true
  }
}

const decoder = new Decoder({ useRecords: false, mapsAsObjects: false })
const encoder = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })

/** Seconds since the epoch in the content of tag 0 or 1; undefined if it is not a time. */
function secondsIn(content: CborValue): number | undefined {
  let seconds: number | undefined
  if (typeof content === 'string') {
    const [, date, time, second, fraction = '', zone = ''] = DATE_TIME.exec(content) ?? []
    const isLeap = second === '60'
    const text = `${date}T${time}:${isLeap ? '59' : second}${fraction}${zone.toUpperCase()}`
    seconds = Date.parse(text) / 1000 + (isLeap ? 1 : 0)
  } else if (typeof content === 'number' || typeof content === 'bigint') seconds = Number(content)
  return seconds !== undefined && Math.abs(seconds) <= MAX_SECONDS ? seconds : undefined
}

/**
 * Decodes one item. 64-bit integers within ±(2^53-1) become numbers, others bigint; decimal
 * fractions (tag 4) numbers, times (tags 0 and 1) dates; text that is not valid UTF-8 bytes, with a
 * warning.
 * @throws DecodeError
 */
export function decodeCbor(format: number, bytes: Uint8Array, warn?: Warn): CborValue {
  checkSize(format, bytes)
  try {
    const scanner = new CborScanner(new ByteReader(bytes))
    const decoded = decoder.decode(scanner.document()) as CborValue
    if (scanner.hasInvalidText) warn?.('CBOR: a text is not valid UTF-8, delivered as bytes')
    return decoded
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DecodeError(format, `malformed CBOR: ${why}`, bytes, { cause: error })
  }
}

/** A number unchanged, as bigint only if necessary. */
export function cborNumber(value: CborValue): number | bigint | undefined {
  if (typeof value === 'bigint') return integerOf(value)
  return typeof value === 'number' ? value : undefined
}

/** Encodes with the shortest heads; integers beyond 32 bits as integers, not as doubles. */
export function encodeCbor(value: CborValue): Buffer {
  return Buffer.from(encoder.encode(value))
}

/** An integer in the form that cbor-x encodes as an integer, whatever its size. */
export function cborInteger(value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return value
  const isWide = Number.isInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000)
  // Beyond 64 bits an integer would become a bignum, which no device expects: a double can
  // represent it, too.
  return isWide && value < 2 ** 64 && value >= -(2 ** 63) ? BigInt(value) : value
}
