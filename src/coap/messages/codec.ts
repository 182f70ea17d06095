/**
 * The wire format of RFC 7252 §3. This file alone knows how bytes become messages, so that another
 * framing (RFC 8323) or another codec can take its place.
 */
import { parse } from 'coap-packet'
import { formatCode } from '../codes'
import { CoapFormatError } from '../errors'
import { OptionNumber } from '../options'
import type { CoapOption } from '../types'

export const MessageType = { CON: 0, NON: 1, ACK: 2, RST: 3 } as const

/** One message, decoded down to its options. Its byte arrays are views of the datagram. */
export interface Message {
  /** One of {@link MessageType}. */
  readonly type: number
  readonly code: number
  readonly messageId: number
  readonly token: Buffer
  readonly options: readonly CoapOption[]
  readonly payload: Buffer
}

/** What is needed to write a message. */
export interface OutgoingMessage {
  readonly type: number
  readonly code: number
  readonly messageId: number
  readonly token: Buffer
  /** In any order; equal numbers keep theirs. */
  readonly options: readonly CoapOption[]
  readonly payload?: Uint8Array
}

/** Numbers by the names that `coap-packet` gives them. */
const NUMBERS: { readonly [name: string]: number } = {
  'If-Match': OptionNumber.IF_MATCH,
  'Uri-Host': OptionNumber.URI_HOST,
  ETag: OptionNumber.ETAG,
  'If-None-Match': OptionNumber.IF_NONE_MATCH,
  Observe: OptionNumber.OBSERVE,
  'Uri-Port': OptionNumber.URI_PORT,
  'Location-Path': OptionNumber.LOCATION_PATH,
  OSCORE: OptionNumber.OSCORE,
  'Uri-Path': OptionNumber.URI_PATH,
  'Content-Format': OptionNumber.CONTENT_FORMAT,
  'Max-Age': OptionNumber.MAX_AGE,
  'Uri-Query': OptionNumber.URI_QUERY,
  'Hop-Limit': OptionNumber.HOP_LIMIT,
  Accept: OptionNumber.ACCEPT,
  'Q-Block1': OptionNumber.Q_BLOCK1,
  'Location-Query': OptionNumber.LOCATION_QUERY,
  Block2: OptionNumber.BLOCK2,
  Block1: OptionNumber.BLOCK1,
  Size2: OptionNumber.SIZE2,
  'Q-Block2': OptionNumber.Q_BLOCK2,
  'Proxy-Uri': OptionNumber.PROXY_URI,
  'Proxy-Scheme': OptionNumber.PROXY_SCHEME,
  Size1: OptionNumber.SIZE1,
  'No-Response': OptionNumber.NO_RESPONSE,
  'OCF-Accept-Content-Format-Version': 2049,
  'OCF-Content-Format-Version': 2053,
}

const NOTHING = Buffer.alloc(0)
const NO_OPTIONS: readonly CoapOption[] = Object.freeze([])

/** More options than any sane message has; bounds the work for a hostile one. */
const MOST_OPTIONS = 256

/**
 * Decodes one datagram.
 * @throws CoapFormatError for anything that RFC 7252 §3 does not allow
 */
export function decodeMessage(datagram: Buffer): Message {
  checkBounds(datagram)
  const first = datagram[0] as number
  const code = datagram[1] as number
  const type = (first >> 4) & 3
  if (code === 0) {
    const messageId = ((datagram[2] as number) << 8) | (datagram[3] as number)
    return { type, code, messageId, token: NOTHING, options: NO_OPTIONS, payload: NOTHING }
  }
  const packet = parse(datagram)
  const options: CoapOption[] = []
  for (let i = 0; i < packet.options.length; i++) {
    const { name, value } = packet.options[i] as (typeof packet.options)[number]
    options.push({ number: NUMBERS[name] ?? Number(name), value })
  }
  const { messageId, token, payload } = packet
  return { type, code, messageId, token, options, payload }
}

/**
 * Walks over the datagram once and leaves nothing for `coap-packet` to trip over: it reads beyond
 * the end, takes TKL 13 and 14 for the extended lengths of RFC 8974, and lets an empty payload pass
 * after its marker.
 */
function checkBounds(datagram: Buffer): void {
  const { length } = datagram
  if (length < 4) throw new CoapFormatError('shorter than a header', datagram)
  const first = datagram[0] as number
  if (first >> 6 !== 1) throw new CoapFormatError(`version ${first >> 6}`, datagram)
  const code = datagram[1] as number
  if (code === 0) {
    if (length !== 4 || (first & 15) !== 0) {
      throw new CoapFormatError('an empty message with content', datagram)
    }
    return
  }
  const codeClass = code >> 5
  if (codeClass === 1 || codeClass > 5) {
    throw new CoapFormatError(`reserved code ${formatCode(code)}`, datagram)
  }
  const tokenLength = first & 15
  if (tokenLength > 8) throw new CoapFormatError(`token length ${tokenLength}`, datagram)
  let at = 4 + tokenLength
  if (at > length) throw new CoapFormatError('the token ends behind the datagram', datagram)
  let number = 0
  let count = 0
  while (at < length) {
    const byte = datagram[at++] as number
    if (byte === 0xff) {
      if (at === length) throw new CoapFormatError('a payload marker without payload', datagram)
      return
    }
    let delta = byte >> 4
    let size = byte & 15
    if (delta === 15 || size === 15) throw new CoapFormatError('reserved nibble 15', datagram)
    const extended = (delta < 13 ? 0 : delta - 12) + (size < 13 ? 0 : size - 12)
    if (at + extended > length) throw new CoapFormatError('an option header is cut off', datagram)
    if (delta === 13) delta = 13 + (datagram[at++] as number)
    else if (delta === 14) {
      delta = 269 + (((datagram[at] as number) << 8) | (datagram[at + 1] as number))
      at += 2
    }
    if (size === 13) size = 13 + (datagram[at++] as number)
    else if (size === 14) {
      size = 269 + (((datagram[at] as number) << 8) | (datagram[at + 1] as number))
      at += 2
    }
    number += delta
    if (number > 0xffff) throw new CoapFormatError('an option number above 65535', datagram)
    at += size
    if (at > length) throw new CoapFormatError('an option ends behind the datagram', datagram)
    if (++count > MOST_OPTIONS) throw new CoapFormatError('too many options', datagram)
  }
}

/**
 * Writes a message. Not by `coap-packet`: it allocates a Buffer for each option, which costs a
 * request more than all else the endpoint does for it, and takes the payload for UTF-8.
 * @throws RangeError when an option's number or length, or the token's, cannot be written
 */
export function encodeMessage(message: OutgoingMessage): Buffer {
  const { token, payload } = message
  const options = inOrder(message.options)
  const payloadLength = payload === undefined ? 0 : payload.length
  if (token.length > 8) throw new RangeError(`a token of ${token.length} bytes`)
  // A byte, two extensions of two bytes, and the value.
  let most = 4 + token.length + 1 + payloadLength
  for (let i = 0; i < options.length; i++) most += 5 + (options[i] as CoapOption).value.length
  const datagram = Buffer.allocUnsafe(most)
  datagram[0] = 0x40 | (message.type << 4) | token.length
  datagram[1] = message.code
  datagram[2] = message.messageId >> 8
  datagram[3] = message.messageId
  let at = copy(token, datagram, 4)
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
    datagram[head] = (deltaNibble << 4) | sizeNibble
    at = extend(deltaNibble, delta, datagram, at)
    at = extend(sizeNibble, size, datagram, at)
    at = copy(value, datagram, at)
    number = option.number
  }
  if (payloadLength > 0) {
    datagram[at++] = 0xff
    datagram.set(payload as Uint8Array, at)
    at += payloadLength
  }
  return datagram.subarray(0, at)
}

/** Bytes of a message before its payload marker: header, token and options, in any order. */
export function headLength(tokenLength: number, options: readonly CoapOption[]): number {
  let length = 4 + tokenLength
  let number = 0
  for (const option of inOrder(options)) {
    const size = option.value.length
    length += 1 + extensionLength(option.number - number) + extensionLength(size) + size
    number = option.number
  }
  return length
}

function extensionLength(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2
}

/** Sorted by number; equal numbers keep their order. Mostly they are sorted already. */
function inOrder(options: readonly CoapOption[]): readonly CoapOption[] {
  for (let i = 1; i < options.length; i++) {
    if ((options[i] as CoapOption).number < (options[i - 1] as CoapOption).number) {
      return [...options].sort((a, b) => a.number - b.number)
    }
  }
  return options
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

/** For the few bytes of a token or option a loop is quicker than a call. */
function copy(from: Uint8Array, into: Buffer, at: number): number {
  const { length } = from
  if (length > 64) into.set(from, at)
  else for (let i = 0; i < length; i++) into[at + i] = from[i] as number
  return at + length
}

/** An empty ACK, an RST or a ping (RFC 7252 §4.1). */
export function encodeEmpty(type: number, messageId: number): Buffer {
  return encodeMessage({ type, code: 0, messageId, token: NOTHING, options: NO_OPTIONS })
}

/**
 * What can be said of a datagram that is no message: its type and Message-ID, when there are four
 * bytes of the right version. A confirmable one is rejected with them (RFC 7252 §4.2).
 */
export function peekHeader(datagram: Buffer): { type: number; messageId: number } | undefined {
  const first = datagram[0]
  if (datagram.length < 4 || first === undefined || first >> 6 !== 1) return undefined
  return { type: (first >> 4) & 3, messageId: datagram.readUInt16BE(2) }
}
