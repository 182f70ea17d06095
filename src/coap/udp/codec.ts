/**
 * The header of CoAP over UDP (RFC 7252 §3): type and Message-ID before the part common to all
 * framings.
 */
import { formatCode } from '../codes'
import { CoapFormatError } from '../errors'
import { Message, type OutgoingMessage } from '../message'
import { contentLength, inOrder, readContent, readToken, writeContent, writeToken } from '../wire'

export const MessageType = { CON: 0, NON: 1, ACK: 2, RST: 3 } as const

const HEADER = 4
const LONGEST_TOKEN = 8

/** A message with the header fields of UDP. */
export class UdpMessage extends Message {
  /** One of {@link MessageType}. */
  type = 0
  messageId = 0
}

/**
 * Decodes one datagram, in one pass.
 * @throws CoapFormatError for anything that RFC 7252 §3 does not allow
 */
export function decodeMessage(datagram: Buffer): UdpMessage {
  const { length } = datagram
  if (length < HEADER) throw new CoapFormatError('shorter than a header', datagram)
  const first = datagram[0] as number
  if (first >> 6 !== 1) throw new CoapFormatError(`version ${first >> 6}`, datagram)
  const code = datagram[1] as number
  const message = new UdpMessage()
  message.type = (first >> 4) & 3
  message.code = code
  message.messageId = ((datagram[2] as number) << 8) | (datagram[3] as number)
  if (code === 0) {
    if (length !== HEADER || (first & 15) !== 0) {
      throw new CoapFormatError('an empty message with content', datagram)
    }
    return message
  }
  const codeClass = code >> 5
  if (codeClass === 1 || codeClass > 5) {
    throw new CoapFormatError(`reserved code ${formatCode(code)}`, datagram)
  }
  const tokenLength = first & 15
  if (tokenLength > LONGEST_TOKEN) {
    throw new CoapFormatError(`token length ${tokenLength}`, datagram)
  }
  if (HEADER + tokenLength > length) {
    throw new CoapFormatError('the token ends behind the datagram', datagram)
  }
  message.token = readToken(datagram, HEADER, tokenLength)
  readContent(message, datagram, HEADER + tokenLength)
  return message
}

/**
 * Encodes a message.
 * @throws RangeError if the number or length of an option, or the length of the token, is invalid
 */
export function encodeMessage(type: number, messageId: number, message: OutgoingMessage): Buffer {
  const { code, token, payload } = message
  if (token.length > LONGEST_TOKEN) throw new RangeError(`a token of ${token.length} bytes`)
  const options = inOrder(message.options)
  const length = HEADER + token.length + contentLength(options, payload?.length ?? 0)
  const datagram = Buffer.allocUnsafe(length)
  datagram[0] = 0x40 | (type << 4) | token.length
  datagram[1] = code
  datagram[2] = messageId >> 8
  datagram[3] = messageId
  writeContent(datagram, writeToken(token, datagram, HEADER), options, payload)
  return datagram
}

/** Encodes an empty ACK, an RST or a ping (RFC 7252 §4.1). */
export function encodeEmpty(type: number, messageId: number): Buffer {
  const datagram = Buffer.allocUnsafe(HEADER)
  datagram[0] = 0x40 | (type << 4)
  datagram[1] = 0
  datagram[2] = messageId >> 8
  datagram[3] = messageId
  return datagram
}

/** Size of a message without payload, in bytes. */
export function headLength(tokenLength: number, options: OutgoingMessage['options']): number {
  return HEADER + tokenLength + contentLength(inOrder(options), 0)
}

/**
 * Type and Message-ID of a malformed datagram, if it has four bytes and the right version. A
 * confirmable one is rejected with them (RFC 7252 §4.2).
 */
export function peekHeader(datagram: Buffer): { type: number; messageId: number } | undefined {
  const first = datagram[0]
  if (datagram.length < HEADER || first === undefined || first >> 6 !== 1) return undefined
  return { type: (first >> 4) & 3, messageId: datagram.readUInt16BE(2) }
}
