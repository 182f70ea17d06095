import type { ByteReader } from '../../base/byte-reader'
import { decodeWhole } from '../wire/decode'
import { readOid, readOptional, readTagged, Tag } from './der'
import { DecodeError } from '../errors'
import { type NameConstraints, readNameConstraints } from './name-constraints'
import {
  type DistinguishedName,
  type GeneralName,
  readDistinguishedName,
  readGeneralName,
} from './names'

/** Object identifiers of RFC 5280. */
export const Oid = {
  commonName: '2.5.4.3',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  rsassaPss: '1.2.840.113549.1.1.10',
  sha1: '1.3.14.3.2.26',
} as const

/** The signature algorithm of a certificate. */
export interface SignatureAlgorithm {
  readonly oid: string
  /** The hash of RSASSA-PSS, which its OID does not include. */
  readonly pssHash: string | undefined
}

/** Fields of a certificate that `node:crypto` does not expose (RFC 5280 §4.1). */
export interface CertificateFields {
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly subject: DistinguishedName
  /** Undefined if there is none, or more than one. */
  readonly commonName: string | undefined
  /** Entries of the subjectAltName, in every form. */
  readonly alternativeNames: readonly GeneralName[]
  /** Name constraints of a CA certificate. */
  readonly nameConstraints: NameConstraints | undefined
  /** The named bits; undefined without the extension. */
  readonly keyUsage: { readonly digitalSignature: boolean } | undefined
  readonly extendedKeyUsage: readonly string[] | undefined
  readonly basicConstraints:
    { readonly ca: boolean; readonly pathLength: number | undefined } | undefined
  /** Critical extensions that are not supported here. */
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
    const signed = readTagged(tbs, Tag.sequence).rest()
    // issuer, validity
    for (let i = 0; i < 2; i++) readTagged(tbs, Tag.sequence)
    const subject = readDistinguishedName(readTagged(tbs, Tag.sequence))
    readTagged(tbs, Tag.sequence)
    // [1] issuerUniqueID, [2] subjectUniqueID
    readOptional(tbs, 0x81)
    readOptional(tbs, 0x82)
    const wrapped = readOptional(tbs, 0xa3)
    if (tbs.remaining > 0) throw new DecodeError('a certificate with more fields than there are')
    const extensions = wrapped === undefined ? new Map() : readExtensions(wrapped)
    const algorithm = readTagged(certificate, Tag.sequence)
    // RFC 5280 §4.1.1.2; the signature itself is verified elsewhere.
    const rest = algorithm.bytes.subarray(algorithm.offset, algorithm.end)
    if (!Buffer.from(signed).equals(rest)) {
      throw new DecodeError('a certificate with two signature algorithms')
    }
    const signatureAlgorithm = readAlgorithm(algorithm)
    readTagged(certificate, Tag.bitString)
    const commonName = commonNameOf(subject)
    return { signatureAlgorithm, subject, commonName, ...interpret(extensions) }
  })
}

function interpret(
  extensions: Map<string, Extension>,
): Omit<CertificateFields, 'signatureAlgorithm' | 'subject' | 'commonName'> {
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
    nameConstraints: take(Oid.nameConstraints, readNameConstraints),
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
    if (extensions.has(oid)) throw new DecodeError(`extension ${oid} occurs twice`)
    extensions.set(oid, { critical, value })
  }
  return extensions
}

function commonNameOf(subject: DistinguishedName): string | undefined {
  const found = subject.flat().filter(({ oid }) => oid === Oid.commonName)
  return found.length === 1 ? found[0]?.value : undefined
}

function readAlternativeNames(value: ByteReader): GeneralName[] {
  const list = readTagged(value, Tag.sequence)
  const names: GeneralName[] = []
  while (list.remaining > 0) names.push(readGeneralName(list))
  return names
}

/** AlgorithmIdentifier: the OID, and for RSASSA-PSS that of its hash, which is SHA-1 by default. */
function readAlgorithm(sequence: ByteReader): SignatureAlgorithm {
  const oid = readOid(sequence)
  if (oid !== Oid.rsassaPss) return { oid, pssHash: undefined }
  const parameters = readOptional(sequence, Tag.sequence)
  const hash = parameters && readOptional(parameters, 0xa0)
  return { oid, pssHash: hash === undefined ? Oid.sha1 : readOid(readTagged(hash, Tag.sequence)) }
}

function readKeyUsage(value: ByteReader): NonNullable<CertificateFields['keyUsage']> {
  const bits = readTagged(value, Tag.bitString)
  const unused = bits.uint8()
  const first = bits.remaining > 0 ? bits.uint8() : 0
  if (unused > 7) throw new DecodeError('malformed key usage')
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
  // Longer and negative ones are not supported.
  if (length.remaining !== 1) throw new DecodeError('malformed path length')
  return { ca, pathLength: length.uint8() & 0x7f }
}
