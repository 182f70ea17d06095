import type { ByteReader } from '../../base/byte-reader'
import { DecodeError } from '../errors'

/** Tags of X.690 §8 that occur in certificates. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** One element: its tag and a reader of its content. */
export interface Element {
  readonly tag: number
  readonly content: ByteReader
}

/** Reads the next element of DER (X.690 §10). @throws DecodeError, OutOfBounds */
export function readElement(reader: ByteReader): Element {
  const tag = reader.uint8()
  if ((tag & 0x1f) === 0x1f) throw new DecodeError('a DER tag of several bytes')
  const first = reader.uint8()
  let length = first
  if (first >= 0x80) {
    const bytes = first & 0x7f
    if (bytes < 1 || bytes > 3) throw new DecodeError('a DER length of no use')
    length = 0
    for (let i = 0; i < bytes; i++) length = length * 256 + reader.uint8()
    if (length < 0x80) throw new DecodeError('a DER length in long form for no reason')
  }
  return { tag, content: reader.sub(length) }
}

/**
 * Reads the content of the next element, which must have this tag. @throws DecodeError, OutOfBounds
 */
export function readTagged(reader: ByteReader, tag: number): ByteReader {
  const element = readElement(reader)
  if (element.tag !== tag) throw new DecodeError(`DER tag ${element.tag} instead of ${tag}`)
  return element.content
}

/**
 * Like {@link readTagged} if the next element has this tag; otherwise reads nothing and returns
 * undefined.
 */
export function readOptional(reader: ByteReader, tag: number): ByteReader | undefined {
  if (reader.remaining === 0 || reader.bytes[reader.offset] !== tag) return undefined
  return readTagged(reader, tag)
}

/** An object identifier in dotted form. @throws DecodeError, OutOfBounds */
export function readOid(reader: ByteReader): string {
  const content = readTagged(reader, Tag.oid)
  const arcs: number[] = []
  let arc = 0
  let open = false
  while (content.remaining > 0) {
    const byte = content.uint8()
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DecodeError('an object identifier too large')
    open = (byte & 0x80) !== 0
    if (open) continue
    arcs.push(arc)
    arc = 0
  }
  const [first, ...others] = arcs
  if (first === undefined || open) throw new DecodeError('an object identifier cut short')
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...others].join('.')
}

/** Encodes an element with these contents. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}

/** Encodes an object identifier from its dotted form. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...others]) {
    const groups = [arc & 0x7f]
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      groups.unshift((rest & 0x7f) | 0x80)
    }
    bytes.push(...groups)
  }
  return derElement(Tag.oid, Buffer.from(bytes))
}
