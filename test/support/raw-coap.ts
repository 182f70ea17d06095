/**
 * A CoAP message by hand (RFC 7252 §3), so that tests can say and check every byte without the code
 * under test. Trusts its input: for tests only.
 */
export interface RawMessage {
  /** 0 CON, 1 NON, 2 ACK, 3 RST */
  readonly type: number
  /** `0x45` is 2.05. */
  readonly code: number
  readonly mid: number
  /** Hex. */
  readonly token?: string
  /** Option number and value, in order of number; a number is written as a minimal uint. */
  readonly options?: readonly (readonly [number: number, value: string | number | Uint8Array])[]
  readonly payload?: string | Uint8Array
}

/** Option numbers that tests name. */
export const Opt = {
  OBSERVE: 6,
  LOCATION_PATH: 8,
  URI_PATH: 11,
  CONTENT_FORMAT: 12,
  URI_QUERY: 15,
  ACCEPT: 17,
  BLOCK2: 23,
  BLOCK1: 27,
  SIZE2: 28,
} as const

export const CON = 0
export const NON = 1
export const ACK = 2
export const RST = 3

function bytesOf(value: string | number | Uint8Array): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (typeof value !== 'number') return Buffer.from(value)
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.from(bytes)
}

function nibble(value: number): { nibble: number; extension: number[] } {
  if (value < 13) return { nibble: value, extension: [] }
  if (value < 269) return { nibble: 13, extension: [value - 13] }
  return { nibble: 14, extension: [(value - 269) >> 8, (value - 269) & 0xff] }
}

/** The bytes of a message. */
export function rawCoap(message: RawMessage): Buffer {
  const token = Buffer.from(message.token ?? '', 'hex')
  const parts: Buffer[] = [
    Buffer.from([
      0x40 | (message.type << 4) | token.length,
      message.code,
      message.mid >> 8,
      message.mid & 0xff,
    ]),
    token,
  ]
  let last = 0
  for (const [number, value] of message.options ?? []) {
    const bytes = bytesOf(value)
    const [delta, length] = [nibble(number - last), nibble(bytes.length)]
    parts.push(
      Buffer.from([(delta.nibble << 4) | length.nibble, ...delta.extension, ...length.extension]),
      bytes,
    )
    last = number
  }
  const payload = bytesOf(message.payload ?? '')
  if (payload.length > 0) parts.push(Buffer.from([0xff]), payload)
  return Buffer.concat(parts)
}

/** A message that arrived, read by hand. */
export interface ReadMessage {
  readonly type: number
  readonly code: number
  readonly mid: number
  readonly token: string
  readonly options: readonly (readonly [number: number, value: Buffer])[]
  readonly payload: Buffer
}

/** Reads a datagram. */
export function readCoap(bytes: Buffer): ReadMessage {
  const first = bytes.readUInt8(0)
  const tokenLength = first & 0x0f
  let at = 4 + tokenLength
  const options: [number, Buffer][] = []
  let number = 0
  const extended = (value: number): number => {
    if (value < 13) return value
    if (value === 13) return bytes.readUInt8(at++) + 13
    at += 2
    return bytes.readUInt16BE(at - 2) + 269
  }
  while (at < bytes.length && bytes[at] !== 0xff) {
    const head = bytes.readUInt8(at++)
    number += extended(head >> 4)
    const length = extended(head & 0x0f)
    options.push([number, bytes.subarray(at, at + length)])
    at += length
  }
  return {
    type: (first >> 4) & 3,
    code: bytes.readUInt8(1),
    mid: bytes.readUInt16BE(2),
    token: bytes.subarray(4, 4 + tokenLength).toString('hex'),
    options,
    payload: bytes.subarray(Math.min(bytes.length, at + 1)),
  }
}

/** All values of one option as text. */
export function optionTexts(message: ReadMessage, number: number): string[] {
  return message.options.filter(([n]) => n === number).map(([, value]) => value.toString('utf8'))
}

/** One option's value as an unsigned number; undefined where it is absent. */
export function optionNumber(message: ReadMessage, number: number): number | undefined {
  const value = message.options.find(([n]) => n === number)?.[1]
  return value?.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** `'2.05'`, `'0.01'`. */
export function codeText(code: number): string {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, '0')}`
}
