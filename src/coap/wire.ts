/** Options and payload as bytes (RFC 7252 §3.1): the same in every framing. */
import { CoapFormatError } from './errors'
import type { Message } from './message'
import { type OptionRule, OptionNumber, OPTION_RULES, readBlock, readUint } from './options'
import { isCritical } from './options'
import type { CoapOption } from './types'

/** More options than any real message has; limits the work for a malicious one. */
const MOST_OPTIONS = 256
/** Longer strings are decoded by one call instead of character by character. */
const SHORT_TEXT = 12

/**
 * Reads options and payload, from `at` to the end of the datagram, in one pass. An elective option
 * that is unknown, has a wrong length or is repeated against the rules is ignored; a critical one
 * is reported in {@link Message.badCritical} (RFC 7252 §5.4.1, §5.4.3, §5.4.5).
 * @throws CoapFormatError for what RFC 7252 §3 does not allow
 */
export function readContent(message: Message, bytes: Buffer, from: number): void {
  const end = bytes.length
  let at = from
  let number = 0
  let previous = -1
  let count = 0
  let path: string[] | undefined
  let query: string[] | undefined
  let location: string[] | undefined
  while (at < end) {
    const head = bytes[at] as number
    if (head === 0xff) break
    at++
    let delta = head >> 4
    let size = head & 15
    if (delta >= 13 || size >= 13) {
      if (delta === 15 || size === 15) throw new CoapFormatError('reserved nibble 15', bytes)
      const extended = (delta < 13 ? 0 : delta - 12) + (size < 13 ? 0 : size - 12)
      if (at + extended > end) throw new CoapFormatError('an option header is cut off', bytes)
      if (delta === 13) delta = 13 + (bytes[at++] as number)
      else if (delta === 14) {
        delta = 269 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
        at += 2
      }
      if (size === 13) size = 13 + (bytes[at++] as number)
      else if (size === 14) {
        size = 269 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
        at += 2
      }
    }
    number += delta
    if (number > 0xffff) throw new CoapFormatError('an option number above 65535', bytes)
    const value = at
    at += size
    if (at > end) throw new CoapFormatError('an option ends behind the datagram', bytes)
    if (++count > MOST_OPTIONS) throw new CoapFormatError('too many options', bytes)
    const rule: OptionRule | undefined = OPTION_RULES[number]
    const repeated = number === previous
    previous = number
    if (
      rule === undefined ||
      size < rule.shortest ||
      size > rule.longest ||
      (repeated && !rule.repeatable)
    ) {
      if (isCritical(number) && message.badCritical === 0) message.badCritical = number
      continue
    }
    switch (number) {
      case OptionNumber.URI_PATH:
        ;(path ??= []).push(text(bytes, value, at))
        break
      case OptionNumber.URI_QUERY:
        ;(query ??= []).push(text(bytes, value, at))
        break
      case OptionNumber.LOCATION_PATH:
        ;(location ??= []).push(text(bytes, value, at))
        break
      case OptionNumber.CONTENT_FORMAT:
        message.contentFormat = readUint(bytes, value, at)
        break
      case OptionNumber.OBSERVE:
        message.observe = readUint(bytes, value, at)
        break
      case OptionNumber.ACCEPT:
        message.accept = readUint(bytes, value, at)
        break
      case OptionNumber.MAX_AGE:
        message.maxAge = readUint(bytes, value, at)
        break
      case OptionNumber.ETAG:
        message.etag ??= bytes.subarray(value, at)
        break
      case OptionNumber.BLOCK1:
        message.block1 = readBlock(readUint(bytes, value, at))
        break
      case OptionNumber.BLOCK2:
        message.block2 = readBlock(readUint(bytes, value, at))
        break
      case OptionNumber.SIZE1:
        message.size1 = readUint(bytes, value, at)
        break
      case OptionNumber.SIZE2:
        message.size2 = readUint(bytes, value, at)
        break
      case OptionNumber.OSCORE:
        message.oscore = bytes.subarray(value, at)
        break
      case OptionNumber.PROXY_URI:
      case OptionNumber.PROXY_SCHEME:
        message.proxy = true
        break
    }
  }
  if (path !== undefined) message.path = path
  if (query !== undefined) message.query = query
  if (location !== undefined) message.locationPath = location
  message.keepOptions(bytes, from, at)
  if (at === end) return
  if (at + 1 === end) throw new CoapFormatError('a payload marker without payload', bytes)
  message.payload = bytes.subarray(at + 1)
}

/** Decodes UTF-8; short ASCII text, the usual case, without a call. */
function text(bytes: Buffer, from: number, to: number): string {
  if (to - from > SHORT_TEXT) return bytes.toString('utf8', from, to)
  let result = ''
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number
    if (byte > 0x7f) return bytes.toString('utf8', from, to)
    result += String.fromCharCode(byte)
  }
  return result
}

/** Sorts by number; equal numbers keep their order. Mostly they are already sorted. */
export function inOrder(options: readonly CoapOption[]): readonly CoapOption[] {
  for (let i = 1; i < options.length; i++) {
    if ((options[i] as CoapOption).number < (options[i - 1] as CoapOption).number) {
      return [...options].sort((a, b) => a.number - b.number)
    }
  }
  return options
}

/**
 * Size of options and payload in bytes, including the payload marker.
 * @param options sorted
 */
export function contentLength(options: readonly CoapOption[], payloadLength: number): number {
  let length = payloadLength === 0 ? 0 : 1 + payloadLength
  let number = 0
  for (let i = 0; i < options.length; i++) {
    const option = options[i] as CoapOption
    const size = option.value.length
    length += 1 + extensionLength(option.number - number) + extensionLength(size) + size
    number = option.number
  }
  return length
}

/**
 * Writes options and payload.
 * @param options sorted
 * @returns the offset after the last byte
 * @throws RangeError if the number or length of an option is invalid
 */
export function writeContent(
  into: Buffer,
  from: number,
  options: readonly CoapOption[],
  payload: Uint8Array | undefined,
): number {
  let at = from
  let number = 0
  for (let i = 0; i < options.length; i++) {
    const option = options[i] as CoapOption
    const { value } = option
    const delta = option.number - number
    const size = value.length
    if (!(delta >= 0 && option.number <= 0xffff && size <= 0xffff)) {
      throw new RangeError(`option ${option.number} of ${size} bytes`)
    }
    const head = at++
    const deltaNibble = delta < 13 ? delta : delta < 269 ? 13 : 14
    const sizeNibble = size < 13 ? size : size < 269 ? 13 : 14
    into[head] = (deltaNibble << 4) | sizeNibble
    at = extend(deltaNibble, delta, into, at)
    at = extend(sizeNibble, size, into, at)
    // For the few bytes of an option a loop is faster than a call.
    if (size > 64) into.set(value, at)
    else for (let k = 0; k < size; k++) into[at + k] = value[k] as number
    at += size
    number = option.number
  }
  if (payload !== undefined && payload.length > 0) {
    into[at++] = 0xff
    into.set(payload, at)
    at += payload.length
  }
  return at
}

function extensionLength(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2
}

/** The extended part of a delta or length (RFC 7252 §3.1). */
function extend(nibble: number, value: number, into: Buffer, at: number): number {
  if (nibble === 13) into[at++] = value - 13
  else if (nibble === 14) {
    into[at++] = (value - 269) >> 8
    into[at++] = value - 269
  }
  return at
}

/** Reads a token as a string with one character per byte. */
export function readToken(bytes: Buffer, from: number, length: number): string {
  let token = ''
  for (let i = from; i < from + length; i++) token += String.fromCharCode(bytes[i] as number)
  return token
}

/** Writes a token. @throws RangeError for more than 8 bytes */
export function writeToken(token: string, into: Buffer, from: number): number {
  const { length } = token
  for (let i = 0; i < length; i++) into[from + i] = token.charCodeAt(i)
  return from + length
}
