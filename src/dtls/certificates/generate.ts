import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { derElement, derOid, Tag } from './der'

/** A fresh P-256 key pair with a self-signed certificate. */
export interface GeneratedServerKey {
  /** PKCS#8. Secret. */
  readonly privateKeyPem: string
  /** DER SubjectPublicKeyInfo, to be configured in clients with raw public keys. */
  readonly publicKey: Uint8Array
  readonly publicKeyPem: string
  readonly certificatePem: string
  readonly certificate: Uint8Array
}

export interface CertificateRequest {
  /** Used in the subject and, if it is a valid DNS name, in the subjectAltName. */
  readonly commonName: string
  /** Validity in days from now; default 3650. */
  readonly days?: number
  /** Wall-clock time in ms; default the system's. */
  readonly now?: number
}

/**
 * Generates a server key, as requested in the dialog: P-256 with a self-signed certificate (RFC
 * 5280 §4.1).
 * @throws RangeError for a common name that is empty or longer than 64 bytes (RFC 5280 §A.1), or
 *   for days beyond the year 9999
 */
export function generateServerKey(request: CertificateRequest): GeneratedServerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const certificate = selfSignedCertificate(privateKey, request)
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    certificate: new Uint8Array(certificate),
    certificatePem: toPem('CERTIFICATE', certificate),
  }
}

const DAY = 86_400_000
const ECDSA_WITH_SHA256 = derElement(Tag.sequence, derOid('1.2.840.10045.4.3.2'))

/** DER of a self-signed version 3 certificate for a P-256 key. */
export function selfSignedCertificate(
  privateKey: KeyObject,
  { commonName, days = 3650, now = Date.now() }: CertificateRequest,
): Buffer {
  const name = Buffer.from(commonName, 'utf8')
  if (name.length < 1 || name.length > 64) {
    throw new RangeError('a common name has 1 to 64 bytes')
  }
  // One hour back: clocks of devices differ.
  const notBefore = new Date(now - 3_600_000)
  const notAfter = new Date(now + days * DAY)
  if (!(days > 0 && notAfter.getUTCFullYear() <= 9999)) {
    throw new RangeError('days must be positive and end before the year 10000')
  }
  const subject = derElement(
    Tag.sequence,
    derElement(
      Tag.set,
      derElement(Tag.sequence, derOid('2.5.4.3'), derElement(Tag.utf8String, name)),
    ),
  )
  const tbs = derElement(
    Tag.sequence,
    // version 3
    derElement(0xa0, derElement(Tag.integer, Buffer.from([2]))),
    derElement(Tag.integer, serialNumber()),
    ECDSA_WITH_SHA256,
    subject,
    derElement(Tag.sequence, derTime(notBefore), derTime(notAfter)),
    subject,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    derElement(0xa3, derElement(Tag.sequence, ...extensions(commonName))),
  )
  const signature = sign('sha256', tbs, { key: privateKey, dsaEncoding: 'der' })
  const signed = derElement(Tag.bitString, Buffer.from([0]), signature)
  return derElement(Tag.sequence, tbs, ECDSA_WITH_SHA256, signed)
}

/** Positive, unpredictable, at most 20 bytes (RFC 5280 §4.1.2.2). */
function serialNumber(): Buffer {
  const serial = randomBytes(16)
  serial.writeUInt8(((serial[0] ?? 0) & 0x3f) | 0x40, 0)
  return serial
}

function extension(oid: string, value: Uint8Array, critical = false): Buffer {
  const flag = critical ? [derElement(Tag.boolean, Buffer.from([0xff]))] : []
  return derElement(Tag.sequence, derOid(oid), ...flag, derElement(Tag.octetString, value))
}

function extensions(commonName: string): Buffer[] {
  const list = [
    // digitalSignature: seven unused bits, then the first
    extension('2.5.29.15', derElement(Tag.bitString, Buffer.from([7, 0x80])), true),
    extension(
      '2.5.29.37',
      derElement(Tag.sequence, derOid('1.3.6.1.5.5.7.3.1'), derOid('1.3.6.1.5.5.7.3.2')),
    ),
  ]
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(commonName)) {
    // [2] dNSName
    const dns = derElement(0x82, Buffer.from(commonName, 'latin1'))
    list.push(extension('2.5.29.17', derElement(Tag.sequence, dns)))
  }
  return list
}

/** UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function derTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return date.getUTCFullYear() < 2050
    ? derElement(Tag.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : derElement(Tag.generalizedTime, Buffer.from(`${digits}Z`))
}

function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
