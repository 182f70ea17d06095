import type { CoapOption } from './types'

/** Option numbers (RFC 7252 §5.10, RFC 7641, RFC 7959, RFC 9175, IANA CoRE Parameters). */
export const OptionNumber = {
  IF_MATCH: 1,
  URI_HOST: 3,
  ETAG: 4,
  IF_NONE_MATCH: 5,
  OBSERVE: 6,
  URI_PORT: 7,
  LOCATION_PATH: 8,
  OSCORE: 9,
  URI_PATH: 11,
  CONTENT_FORMAT: 12,
  MAX_AGE: 14,
  URI_QUERY: 15,
  HOP_LIMIT: 16,
  ACCEPT: 17,
  Q_BLOCK1: 19,
  LOCATION_QUERY: 20,
  BLOCK2: 23,
  BLOCK1: 27,
  SIZE2: 28,
  Q_BLOCK2: 31,
  PROXY_URI: 35,
  PROXY_SCHEME: 39,
  SIZE1: 60,
  ECHO: 252,
  NO_RESPONSE: 258,
  REQUEST_TAG: 292,
} as const

/** Constraints of an option that this endpoint understands. */
export interface OptionRule {
  readonly repeatable: boolean
  /** Minimum length of the value in bytes. */
  readonly shortest: number
  readonly longest: number
}

function rule(shortest: number, longest: number, repeatable = false): OptionRule {
  return { repeatable, shortest, longest }
}

/**
 * The supported options, with the lengths of RFC 7252 §5.10, RFC 7641 §2, RFC 7959 §2.1, §4, RFC
 * 8613 §2 and RFC 9175 §3.2. If-Match and If-None-Match are not supported: they are critical, and a
 * server that ignored them would overwrite what the client wanted to protect.
 */
export const OPTION_RULES: readonly (OptionRule | undefined)[] = (() => {
  const rules: (OptionRule | undefined)[] = new Array<OptionRule | undefined>(293).fill(undefined)
  rules[OptionNumber.URI_HOST] = rule(1, 255)
  rules[OptionNumber.ETAG] = rule(1, 8, true)
  rules[OptionNumber.OBSERVE] = rule(0, 3)
  rules[OptionNumber.URI_PORT] = rule(0, 2)
  rules[OptionNumber.LOCATION_PATH] = rule(0, 255, true)
  rules[OptionNumber.OSCORE] = rule(0, 255)
  rules[OptionNumber.URI_PATH] = rule(0, 255, true)
  rules[OptionNumber.CONTENT_FORMAT] = rule(0, 2)
  rules[OptionNumber.MAX_AGE] = rule(0, 4)
  rules[OptionNumber.URI_QUERY] = rule(0, 255, true)
  rules[OptionNumber.ACCEPT] = rule(0, 2)
  rules[OptionNumber.LOCATION_QUERY] = rule(0, 255, true)
  rules[OptionNumber.BLOCK2] = rule(0, 3)
  rules[OptionNumber.BLOCK1] = rule(0, 3)
  rules[OptionNumber.SIZE2] = rule(0, 4)
  rules[OptionNumber.PROXY_URI] = rule(1, 1034)
  rules[OptionNumber.PROXY_SCHEME] = rule(1, 255)
  rules[OptionNumber.SIZE1] = rule(0, 4)
  rules[OptionNumber.REQUEST_TAG] = rule(0, 8, true)
  return rules
})()

/** Odd numbers are critical (RFC 7252 §5.4.6). */
export function isCritical(number: number): boolean {
  return (number & 1) === 1
}

/** A Block1 or Block2 option (RFC 7959 §2.2). */
export interface Block {
  readonly num: number
  readonly more: boolean
  /** The size exponent, see {@link blockSize}. */
  readonly szx: number
}

/** Reserved over UDP; over reliable transports a message of several blocks (BERT, RFC 8323 §6). */
export const RESERVED_SZX = 7

/** Size of a block in bytes (RFC 7959 §2.2). */
export function blockSize(szx: number): number {
  return 16 << szx
}

/** Offset of a block in its body. Blocks are counted in their own size. */
export function blockOffset({ num, szx }: Pick<Block, 'num' | 'szx'>): number {
  return num << (szx + 4)
}

/** The number of the block that begins at `offset`, a multiple of its size. */
export function blockNumber(offset: number, szx: number): number {
  return offset >> (szx + 4)
}

/** Reads an unsigned integer of up to four bytes (RFC 7252 §3.2). */
export function readUint(value: Uint8Array, from = 0, to = value.length): number {
  let result = 0
  for (let i = from; i < to; i++) result = result * 256 + (value[i] as number)
  return result
}

const SMALL: readonly Buffer[] = Array.from({ length: 256 }, (_, n) =>
  Buffer.from(n === 0 ? [] : [n]),
)

/**
 * The shortest form of an unsigned integer (RFC 7252 §3.2). Do not modify the result.
 * @throws RangeError for anything but an integer from 0 to 2^32 - 1
 */
export function uintBytes(value: number): Buffer {
  const small = SMALL[value]
  if (small !== undefined) return small
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`${value} is not an unsigned integer of 32 bits`)
  }
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.from(bytes)
}

/** Decodes the value of a Block1 or Block2 option. */
export function readBlock(raw: number): Block {
  return { num: raw >>> 4, more: (raw & 8) !== 0, szx: raw & 7 }
}

/** Encodes the value of a Block1 or Block2 option. */
export function blockBytes(num: number, more: boolean, szx: number): Buffer {
  return uintBytes(num * 16 + (more ? 8 : 0) + szx)
}

/** The largest block number: 20 bits (RFC 7959 §2.2). */
export const LAST_BLOCK = 0xfffff

/**
 * Creates an option.
 * @throws RangeError for a length that RFC 7252 §5.10 does not allow
 */
export function option(number: number, value: Uint8Array): CoapOption {
  const known = OPTION_RULES[number]
  if (known !== undefined && (value.length < known.shortest || value.length > known.longest)) {
    throw new RangeError(
      `option ${number} has ${known.shortest} to ${known.longest} bytes, not ${value.length}`,
    )
  }
  return { number, value }
}

/** Creates an option with an unsigned integer. @throws RangeError if it is too large */
export function uintOption(number: number, value: number): CoapOption {
  return option(number, uintBytes(value))
}

const PATH_OPTIONS = new Map<string, CoapOption>()
const MAX_PATH_OPTIONS = 4096
/** Longer segments are names, not ids. */
const SHORT_SEGMENT = 5

/**
 * Creates a Uri-Path option. Ids are frequent, so each is encoded once: do not modify the result.
 * @throws RangeError if the segment is longer than 255 bytes
 */
export function pathOption(segment: string): CoapOption {
  if (segment.length > SHORT_SEGMENT) return textOption(OptionNumber.URI_PATH, segment)
  const known = PATH_OPTIONS.get(segment)
  if (known !== undefined) return known
  const made = textOption(OptionNumber.URI_PATH, segment)
  if (PATH_OPTIONS.size >= MAX_PATH_OPTIONS) PATH_OPTIONS.clear()
  PATH_OPTIONS.set(segment, made)
  return made
}

/** Creates an option with text. @throws RangeError if it is too long */
export function textOption(number: number, value: string): CoapOption {
  return option(number, Buffer.from(value, 'utf8'))
}
