import { createPrivateKey, createPublicKey, KeyObject, X509Certificate } from 'node:crypto'
import type { ServerKey } from '../credentials'
import { DtlsConfigurationError } from '../errors'
import { isP256 } from './raw-public-key'

/** The server's key, as configured by the operator. */
export interface ServerKeySource {
  /** PEM (PKCS#8 or SEC1) or DER (PKCS#8). */
  readonly privateKey: string | Uint8Array | KeyObject
  /** PEM, leaf first, or the certificates themselves. Omitted: raw public key only. */
  readonly certificateChain?: string | readonly (Uint8Array | X509Certificate)[]
}

/**
 * Validates and loads the server's own key.
 * @throws DtlsConfigurationError `bad-credential`: not a P-256 private key, a certificate that
 *   cannot be read, or one for another key
 */
export function loadServerKey(source: ServerKeySource): ServerKey {
  const privateKey = loadPrivateKey(source.privateKey)
  if (privateKey.type !== 'private' || !isP256(privateKey)) {
    throw bad("the server's private key is not a P-256 (prime256v1) key")
  }
  const publicKey = createPublicKey(privateKey)
  const certificateChain = loadCertificates(source.certificateChain ?? [])
  const [leaf] = certificateChain
  if (leaf !== undefined && !leaf.checkPrivateKey(privateKey)) {
    throw bad("the server's certificate is for another key than its private key")
  }
  return {
    privateKey,
    publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    certificateChain: certificateChain.length === 0 ? undefined : certificateChain,
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Loads every certificate of a PEM text, in order, or of a list of DER ones.
 * @throws DtlsConfigurationError `bad-credential` if one cannot be read, or a text has none
 */
export function loadCertificates(
  source: string | readonly (Uint8Array | X509Certificate)[],
): X509Certificate[] {
  const entries = typeof source === 'string' ? (source.match(PEM_CERTIFICATE) ?? []) : source
  if (typeof source === 'string' && entries.length === 0) throw bad('no PEM certificate found')
  return entries.map((entry, index) => {
    if (entry instanceof X509Certificate) return entry
    try {
      return new X509Certificate(entry)
    } catch (error) {
      throw bad(`certificate ${index + 1} cannot be read`, error)
    }
  })
}

function loadPrivateKey(source: ServerKeySource['privateKey']): KeyObject {
  if (source instanceof KeyObject) return source
  try {
    return typeof source === 'string'
      ? createPrivateKey(source)
      : createPrivateKey({ key: Buffer.from(source), format: 'der', type: 'pkcs8' })
  } catch {
    // Without the cause: its message may contain parts of the key.
    throw bad("the server's private key cannot be read")
  }
}

function bad(message: string, cause?: unknown): DtlsConfigurationError {
  return new DtlsConfigurationError('bad-credential', message, { cause })
}
