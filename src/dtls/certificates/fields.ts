import type { ByteReader } from '../../base/byte-reader'
import { decodeWhole } from '../wire/decode'
import { readElement, readOid, readOptional, readTagged, Tag } from './der'
import { DecodeError } from '../errors'

/** Object identifiers of RFC 5280. */
export const Oid = {
  commonName: '2.5.4.3',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

/** What `node:crypto` does not tell of a certificate (RFC 5280 §4.1). */
export interface CertificateFields {
  /** Undefined when there is none, or more than one. */
  readonly commonName: string | undefined
  /** DNS and URI names of the subjectAltName. */
  readonly alternativeNames: readonly string[]
  /** The named bits; undefined without the extension. */
  readonly keyUsage: { readonly digitalSignature: boolean } | undefined
  readonly extendedKeyUsage: readonly string[] | undefined
  readonly basicConstraints:
    { readonly ca: boolean; readonly pathLength: number | undefined } | undefined
  /** Critical extensions that none of the above shows. */
  readonly unknownCritical: readonly string[]
}

interface Extension {
  readonly critical: boolean
  readonly value: ByteReader
}

/** @throws DecodeError */
export function parseCertificateFields(der: Uint8Array): CertificateFields {
  return decodeWhole('certificate', der, (reader) => {
    const certificate = readTagged(reader, Tag.sequence)
    const tbs = readTagged(certificate, Tag.sequence)
    // [0] version
    readOptional(tbs, 0xa0)
    readTagged(tbs, Tag.integer)
    // signature, issuer, validity
    for (let i = 0; i < 3; i++) readTagged(tbs, Tag.sequence)
    const commonName = readCommonName(readTagged(tbs, Tag.sequence))
    readTagged(tbs, Tag.sequence)
    // [1] issuerUniqueID, [2] subjectUniqueID
    readOptional(tbs, 0x81)
    readOptional(tbs, 0x82)
    const wrapped = readOptional(tbs, 0xa3)
    if (tbs.remaining > 0) throw new DecodeError('a certificate with more fields than there are')
    const extensions = wrapped === undefined ? new Map() : readExtensions(wrapped)
    // signatureAlgorithm and signature are verified elsewhere.
    readTagged(certificate, Tag.sequence)
    readTagged(certificate, Tag.bitString)
    return { commonName, ...interpret(extensions) }
  })
}

function interpret(extensions: Map<string, Extension>): Omit<CertificateFields, 'commonName'> {
  const take = <T>(oid: string, parse: (value: ByteReader) => T): T | undefined => {
    const extension = extensions.get(oid)
    if (extension === undefined) return undefined
    const value = parse(extension.value)
    if (extension.value.remaining > 0) throw new DecodeError(`extension ${oid} is too long`)
    extensions.delete(oid)
    return value
  }
  return {
    alternativeNames: take(Oid.subjectAltName, readAlternativeNames) ?? [],
    keyUsage: take(Oid.keyUsage, readKeyUsage),
    extendedKeyUsage: take(Oid.extendedKeyUsage, readExtendedKeyUsage),
    basicConstraints: take(Oid.basicConstraints, readBasicConstraints),
    unknownCritical: [...extensions].filter(([, { critical }]) => critical).map(([oid]) => oid),
  }
}

function readExtensions(wrapped: ByteReader): Map<string, Extension> {
  const list = readTagged(wrapped, Tag.sequence)
  const extensions = new Map<string, Extension>()
  while (list.remaining > 0) {
    const entry = readTagged(list, Tag.sequence)
    const oid = readOid(entry)
    const critical = (readOptional(entry, Tag.boolean)?.uint8() ?? 0) !== 0
    const value = readTagged(entry, Tag.octetString)
    if (extensions.has(oid)) throw new DecodeError(`extension ${oid} appears twice`)
    extensions.set(oid, { critical, value })
  }
  return extensions
}

function text(tag: number, content: ByteReader): string | undefined {
  const bytes = Buffer.from(content.rest())
  if (tag === Tag.utf8String) return bytes.toString('utf8')
  if (tag === Tag.printableString || tag === Tag.ia5String) return bytes.toString('latin1')
  return undefined
}

function readCommonName(name: ByteReader): string | undefined {
  const found: (string | undefined)[] = []
  while (name.remaining > 0) {
    const set = readTagged(name, Tag.set)
    while (set.remaining > 0) {
      const attribute = readTagged(set, Tag.sequence)
      if (readOid(attribute) !== Oid.commonName) continue
      const { tag, content } = readElement(attribute)
      found.push(text(tag, content))
    }
  }
  return found.length === 1 ? found[0] : undefined
}

function readAlternativeNames(value: ByteReader): string[] {
  const list = readTagged(value, Tag.sequence)
  const names: string[] = []
  while (list.remaining > 0) {
    const { tag, content } = readElement(list)
    // [2] dNSName, [6] uniformResourceIdentifier
    if (tag === 0x82 || tag === 0x86) names.push(Buffer.from(content.rest()).toString('latin1'))
  }
  return names
}

function readKeyUsage(value: ByteReader): NonNullable<CertificateFields['keyUsage']> {
  const bits = readTagged(value, Tag.bitString)
  const unused = bits.uint8()
  const first = bits.remaining > 0 ? bits.uint8() : 0
  if (unused > 7) throw new DecodeError('a key usage that is none')
  // Bit 0 is the highest (X.690 §8.6.2).
  return { digitalSignature: (first & 0x80) !== 0 }
}

function readExtendedKeyUsage(value: ByteReader): string[] {
  const list = readTagged(value, Tag.sequence)
  const usages: string[] = []
  while (list.remaining > 0) usages.push(readOid(list))
  return usages
}

function readBasicConstraints(
  value: ByteReader,
): NonNullable<CertificateFields['basicConstraints']> {
  const sequence = readTagged(value, Tag.sequence)
  const ca = (readOptional(sequence, Tag.boolean)?.uint8() ?? 0) !== 0
  const length = readOptional(sequence, Tag.integer)
  if (length === undefined) return { ca, pathLength: undefined }
  // A longer or negative one is beyond reason.
  if (length.remaining !== 1) throw new DecodeError('a path length that is none')
  return { ca, pathLength: length.uint8() & 0x7f }
}
