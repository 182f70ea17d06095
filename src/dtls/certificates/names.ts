import type { ByteReader } from '../../base/byte-reader'
import { readElement, readOid, readTagged, Tag } from './der'

/** Name forms of a GeneralName by their tag (RFC 5280 §4.2.1.6). */
export const NameForm = {
  email: 0x81,
  dns: 0x82,
  directory: 0xa4,
  uri: 0x86,
  ip: 0x87,
} as const

/** A GeneralName: the tag of its form and its content. */
export interface GeneralName {
  readonly form: number
  readonly bytes: Uint8Array
}

/** An attribute of a distinguished name; `value` is undefined if it is not text. */
export interface Attribute {
  readonly oid: string
  readonly value: string | undefined
  /** The DER of its value, to compare values that are not text. */
  readonly bytes: Uint8Array
}

/**
 * A distinguished name: a sequence of relative names, each a set of attributes (RFC 5280 §4.1.2.4).
 */
export type DistinguishedName = readonly (readonly Attribute[])[]

/** @param name the content of the SEQUENCE @throws DecodeError, OutOfBounds */
export function readDistinguishedName(name: ByteReader): DistinguishedName {
  const relative: Attribute[][] = []
  while (name.remaining > 0) {
    const set = readTagged(name, Tag.set)
    const attributes: Attribute[] = []
    while (set.remaining > 0) {
      const attribute = readTagged(set, Tag.sequence)
      const oid = readOid(attribute)
      const { tag, content } = readElement(attribute)
      const bytes = content.rest()
      attributes.push({ oid, value: text(tag, bytes), bytes })
    }
    relative.push(attributes)
  }
  return relative
}

function text(tag: number, content: Uint8Array): string | undefined {
  const bytes = Buffer.from(content)
  if (tag === Tag.utf8String) return bytes.toString('utf8')
  if (tag === Tag.printableString || tag === Tag.ia5String) return bytes.toString('latin1')
  return undefined
}

/** Reads the next GeneralName. @throws DecodeError, OutOfBounds */
export function readGeneralName(reader: ByteReader): GeneralName {
  const { tag, content } = readElement(reader)
  return { form: tag, bytes: content.rest() }
}

/** The text of a name in a form that is an IA5String. */
export function nameText({ bytes }: GeneralName): string {
  return Buffer.from(bytes).toString('latin1')
}
