import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { ValueError } from '../../lwm2m/value'
import { bytesOfText } from './key-text'

/** Curves of the DTLS layer's signature algorithms. */
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** PEM, or the DER in hex or base64. */
function derOf(input: string | Uint8Array): Buffer {
  if (typeof input !== 'string') return Buffer.from(input)
  const text = input.trim()
  return /^[0-9a-f:\s]+$/i.test(text) ? bytesOfText(text, 'hex') : bytesOfText(text, 'base64')
}

/**
 * Reads a raw public key (RFC 7250): PEM `PUBLIC KEY`, or the DER SubjectPublicKeyInfo as bytes, hex or
 * base64. Only elliptic-curve keys, and only in their one canonical form, because peers are compared
 * with it byte by byte.
 * @returns the DER SubjectPublicKeyInfo
 * @throws ValueError
 */
export function publicKeyInfo(input: string | Uint8Array): Buffer {
  const pem = typeof input === 'string' && input.includes('-----BEGIN')
  if (pem && !input.includes('-----BEGIN PUBLIC KEY-----')) {
    throw new ValueError('it is not the PEM of a PUBLIC KEY')
  }
  const der = pem ? undefined : derOf(input)
  let key: KeyObject
  try {
    key = createPublicKey(
      der === undefined ? { key: input as string } : { key: der, format: 'der', type: 'spki' },
    )
  } catch {
    throw new ValueError('it is not a SubjectPublicKeyInfo')
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? ''
  if (key.asymmetricKeyType !== 'ec' || !CURVES.has(curve)) {
    throw new ValueError('it is not a key of an elliptic curve (P-256, P-384, P-521)')
  }
  const canonical = key.export({ format: 'der', type: 'spki' })
  // The import tolerates trailing bytes; an identity must not have two forms.
  if (der !== undefined && !canonical.equals(der)) {
    throw new ValueError('it is not in canonical DER form')
  }
  return canonical
}

/**
 * Reads one certificate: PEM, or DER as bytes, hex or base64.
 * @throws ValueError
 */
export function certificateOf(input: string | Uint8Array): X509Certificate {
  const pem = typeof input === 'string' && input.includes('-----BEGIN')
  if (pem && input.includes('PRIVATE KEY')) {
    throw new ValueError('it contains a private key, which the server must not have')
  }
  try {
    return new X509Certificate(pem ? input : derOf(input))
  } catch {
    throw new ValueError('it is not an X.509 certificate')
  }
}

/** Lower-case hex SHA-256, for people to compare keys and certificates by. */
export function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}
