import { type Block, OptionNumber } from './options'
import type { CoapOption } from './types'

const NONE: readonly string[] = Object.freeze([])
const NOTHING = Buffer.alloc(0)

/**
 * A received message: code, token, options and payload, which are the same in every framing (RFC
 * 7252 §3, RFC 8323 §3.2). Its byte arrays are views of the received datagram.
 */
export class Message {
  code = 0
  /** The token, one character per byte. */
  token = ''
  payload: Buffer = NOTHING

  path: readonly string[] = NONE
  query: readonly string[] = NONE
  locationPath: readonly string[] = NONE
  contentFormat: number | undefined = undefined
  accept: number | undefined = undefined
  observe: number | undefined = undefined
  maxAge: number | undefined = undefined
  /** The first ETag option. */
  etag: Uint8Array | undefined = undefined
  block1: Block | undefined = undefined
  block2: Block | undefined = undefined
  size1: number | undefined = undefined
  size2: number | undefined = undefined
  /** Whether it has Proxy-Uri or Proxy-Scheme: the sender uses this endpoint as a proxy. */
  proxy = false
  /** The OSCORE option (RFC 8613 §2): the content of the message is encrypted in its payload. */
  oscore: Uint8Array | undefined = undefined
  /**
   * The first critical option that is unknown, has a wrong length or is repeated; 0 if there is
   * none.
   */
  badCritical = 0

  /** The bytes of the options; they were checked when the message was decoded. */
  protected bytes: Buffer = NOTHING
  protected optionsAt = 0
  protected optionsEnd = 0
  private list: readonly CoapOption[] | undefined = undefined

  get tokenBytes(): Buffer {
    return Buffer.from(this.token, 'latin1')
  }

  /**
   * All options as received, in order. Created on first access: mostly the fields above suffice.
   */
  get options(): readonly CoapOption[] {
    return (this.list ??= listOptions(this.bytes, this.optionsAt, this.optionsEnd))
  }

  /** For decoders: stores the position of the options. */
  keepOptions(bytes: Buffer, at: number, end: number): void {
    this.bytes = bytes
    this.optionsAt = at
    this.optionsEnd = end
  }
}

/** The critical option that is not understood in an unprotected message; 0 if there is none. */
export function badOption({ oscore, badCritical }: Message): number {
  return oscore === undefined ? badCritical : OptionNumber.OSCORE
}

/** A message to be sent. */
export interface OutgoingMessage {
  readonly code: number
  /** One character per byte, at most 8. */
  readonly token: string
  /** In any order; options with equal numbers keep their order. */
  readonly options: readonly CoapOption[]
  readonly payload?: Uint8Array
}

/** Lists the options in a range of a message that was decoded before. */
function listOptions(bytes: Buffer, from: number, end: number): readonly CoapOption[] {
  const options: CoapOption[] = []
  let at = from
  let number = 0
  while (at < end) {
    const head = bytes[at++] as number
    let delta = head >> 4
    let size = head & 15
    if (delta === 13) delta = 13 + (bytes[at++] as number)
    else if (delta === 14) {
      delta = 269 + bytes.readUInt16BE(at)
      at += 2
    }
    if (size === 13) size = 13 + (bytes[at++] as number)
    else if (size === 14) {
      size = 269 + bytes.readUInt16BE(at)
      at += 2
    }
    number += delta
    options.push({ number, value: bytes.subarray(at, at + size) })
    at += size
  }
  return options
}
