import { createPublicKey, type KeyObject } from 'node:crypto'
import { Alert } from '../wire/constants'
import { HandshakeFailure } from '../errors'
import type { Role } from '../identity'

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480 §2). */
const P256_SPKI = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const P256_SPKI_LENGTH = P256_SPKI.length + 65

/**
 * Imports a P-256 SubjectPublicKeyInfo in its only valid encoding. Plain import would also accept
 * other curves, RSA, compressed points and trailing bytes.
 * @returns undefined for anything else, or if its point is not on the curve
 */
export function importP256(spki: Uint8Array): KeyObject | undefined {
  const bytes = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength)
  if (bytes.length !== P256_SPKI_LENGTH) return undefined
  if (!bytes.subarray(0, P256_SPKI.length).equals(P256_SPKI)) return undefined
  if (bytes[P256_SPKI.length] !== 4) return undefined
  try {
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    return isP256(key) && key.export({ format: 'der', type: 'spki' }).equals(bytes)
      ? key
      : undefined
  } catch {
    return undefined
  }
}

/** Whether a key is an elliptic-curve key on secp256r1. */
export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

/** The raw public key of a peer. @throws HandshakeFailure */
export function peerRawPublicKey(peer: Role, spki: Uint8Array): KeyObject {
  if (spki.length === 0) {
    throw new HandshakeFailure(
      'no-certificate',
      `the ${peer} sent no public key`,
      Alert.handshakeFailure,
    )
  }
  const key = importP256(spki)
  if (key !== undefined) return key
  throw new HandshakeFailure(
    'bad-certificate',
    `the ${peer}'s raw public key is not a P-256 key in its canonical encoding`,
    Alert.unsupportedCertificate,
  )
}
