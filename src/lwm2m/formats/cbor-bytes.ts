/** Untrusted CBOR (RFC 8949) to JavaScript values and back, through cbor-x. */
import { Decoder, Encoder } from 'cbor-x'
import { ByteReader, OutOfBounds } from '../../base/byte-reader'
import { integerOf } from '../values'
import { DecodeError } from './codec'
import { checkSize, MAX_RECORDS } from './limits'

/** What these formats are made of. Maps, because their keys are numbers, texts or arrays. */
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

/** Nesting of arrays, maps and tags; the deepest of our formats needs six. */
const MAX_DEPTH = 16

/** RFC 8949 §3.4. Everything else is refused: cbor-x would call a global function for tag 27. */
const Tag = { EPOCH_TIME: 1, BIGNUM: 2, NEGATIVE_BIGNUM: 3, DECIMAL: 4, SELF_DESCRIBED: 55799 }
const TAGS: ReadonlySet<number> = new Set(Object.values(Tag))
/** Enough for what 64-bit types can hold, with leading zeros. */
const MAX_BIGNUM = 16

const MAJOR = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7 }
const INDEFINITE = 31
const BREAK = 0xff

/** The bytes are no CBOR that these formats can be made of. */
class Malformed extends Error {}

/**
 * Walks the bytes once before cbor-x sees them: lengths, nesting, number of items and tags are
 * checked, so that nothing is allocated or recursed into on the word of a device.
 */
class CborScanner {
  private items = 0
  private isInKey = false
  private readonly joined: { start: number; end: number; whole: Buffer }[] = []

  constructor(private readonly reader: ByteReader) {}

  /** Answers the bytes with strings of indefinite length in one piece: cbor-x does not join them. */
  document(): Uint8Array {
    this.item(0)
    if (this.reader.remaining > 0) throw new Malformed(`${this.reader.remaining} bytes too many`)
    const { bytes } = this.reader
    // A view of its own in any case: cbor-x leaves a property on what it reads.
    if (this.joined.length === 0) return bytes.subarray()
    const pieces: Uint8Array[] = []
    let from = 0
    for (const { start, end, whole } of this.joined) {
      pieces.push(bytes.subarray(from, start), whole)
      from = end
    }
    return Buffer.concat([...pieces, bytes.subarray(from)])
  }

  private item(depth: number): void {
    if (depth > MAX_DEPTH) throw new Malformed(`nested deeper than ${MAX_DEPTH}`)
    if (++this.items > 4 * MAX_RECORDS) throw new Malformed('too many items')
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
      case MAJOR.TEXT:
        this.reader.skip(argument)
        return
      case MAJOR.ARRAY:
        return this.children(argument, depth)
      case MAJOR.MAP:
        return this.pairs(argument, depth)
      case MAJOR.TAG:
        return this.tagged(argument, depth)
    }
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
    // Each child takes a byte at least: more cannot be there.
    if (count > this.reader.remaining) throw new Malformed(`${count} items announced, not there`)
    for (let i = 0; i < count; i++) this.item(depth + 1)
  }

  private pairs(count: number, depth: number): void {
    if (count * 2 > this.reader.remaining)
      throw new Malformed(`${count} pairs announced, not there`)
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
      throw new Malformed('indefinite length where there is none')
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
    const head = Buffer.from([(major << 5) | 26, 0, 0, 0, 0])
    head.writeUInt32BE(body.length, 1)
    this.joined.push({ start, end: this.reader.offset, whole: Buffer.concat([head, body]) })
  }

  private tagged(tag: number, depth: number): void {
    if (!TAGS.has(tag)) throw new Malformed(`tag ${tag} has no meaning here`)
    const start = this.reader.offset
    const next = this.peek()
    if (tag === Tag.BIGNUM || tag === Tag.NEGATIVE_BIGNUM) {
      if (next >> 5 !== MAJOR.BYTES || (next & 31) > MAX_BIGNUM) throw new Malformed('bad bignum')
    }
    if (tag === Tag.DECIMAL && next !== 0x82) throw new Malformed('bad decimal fraction')
    this.item(depth + 1)
    if (tag === Tag.DECIMAL) this.decimal(start + 1)
    if (tag === Tag.EPOCH_TIME && ![0, 1, 7].includes(next >> 5)) throw new Malformed('bad time')
  }

  /** Exponent and mantissa are integers; a bignum mantissa has been checked as a tag. */
  private decimal(at: number): void {
    const exponent = this.reader.bytes[at] ?? 0
    if (exponent >> 5 > 1) throw new Malformed('bad decimal fraction')
  }

  private simple(info: number): void {
    // cbor-x would make 1 of 1.0: afterwards the two cannot be told apart.
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

/**
 * Decodes one item. 64-bit integers within ±(2^53-1) are numbers, others bigint; decimal fractions
 * (tag 4) are numbers, times (tag 1) dates.
 * @throws DecodeError
 */
export function decodeCbor(format: number, bytes: Uint8Array): CborValue {
  checkSize(format, bytes)
  try {
    return decoder.decode(new CborScanner(new ByteReader(bytes)).document()) as CborValue
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DecodeError(format, `malformed CBOR: ${why}`, bytes, { cause: error })
  }
}

/** A number as it came, with bigint only where it must be. */
export function cborNumber(value: CborValue): number | bigint | undefined {
  if (typeof value === 'bigint') return integerOf(value)
  return typeof value === 'number' ? value : undefined
}

/** Encodes with the shortest heads; integers beyond 32 bits as integers, not as doubles. */
export function encodeCbor(value: CborValue): Buffer {
  return Buffer.from(encoder.encode(value))
}

/** An integer in the shape in which cbor-x writes it as an integer, whatever its size. */
export function cborInteger(value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return value
  const isWide = Number.isInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000)
  // Beyond 64 bits an integer would become a bignum, which no device expects: a double says it, too.
  return isWide && value < 2 ** 64 && value >= -(2 ** 63) ? BigInt(value) : value
}
