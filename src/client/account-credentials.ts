import { X509Certificate } from 'node:crypto'
import { importP256 } from '../dtls/certificates/raw-public-key'
import { loadServerKey } from '../dtls/certificates/server-key'
import type { DtlsClientCredentials } from '../dtls/client-credentials'
import { type ServerAccount, SecurityMode } from './accounts'
import { ClientError } from './errors'

/** Certificate usages (`/0/x/15`, RFC 6698 §2.1.1) in which the certificate is an authority's. */
const AUTHORITY_USAGES = new Set([0, 2])

/**
 * What an account connects with over `coaps`: by its security mode a pre-shared key, raw public keys or
 * certificates (Core §7.2, resources 2 to 5 and 15). The certificate of the server is pinned, or with
 * usage 0 or 2 a trust anchor.
 * @throws ClientError `invalid-argument`, naming what is missing or cannot be read, never a secret
 */
export function accountCredentials(account: ServerAccount): DtlsClientCredentials {
  const { mode, psk, publicKey, secretKey, serverPublicKey } = account
  if (mode === SecurityMode.PSK) {
    if (psk === undefined) throw bad('identity or key is missing')
    return { psk }
  }
  if (mode !== SecurityMode.RPK && mode !== SecurityMode.X509) {
    throw bad(`security mode ${mode} does not go with coaps here`)
  }
  const what = mode === SecurityMode.RPK ? 'public key' : 'certificate'
  if (publicKey === undefined || secretKey === undefined) {
    throw bad(`the ${what} or the secret key is missing`)
  }
  if (serverPublicKey === undefined) throw bad(`the ${what} of the server is missing`)
  return mode === SecurityMode.RPK
    ? rawKeys(publicKey, secretKey, serverPublicKey)
    : certificates(publicKey, secretKey, serverPublicKey, account.certificateUsage)
}

function rawKeys(
  publicKey: Uint8Array,
  secretKey: Uint8Array,
  serverPublicKey: Uint8Array,
): DtlsClientCredentials {
  const keyPair = load(secretKey)
  if (Buffer.compare(keyPair.publicKey, publicKey) !== 0) {
    throw bad('the secret key does not belong to the public key')
  }
  if (importP256(serverPublicKey) === undefined) {
    throw bad('the public key of the server is no P-256 SubjectPublicKeyInfo')
  }
  return { keyPair, rawPublicKey: (spki) => Buffer.compare(spki, serverPublicKey) === 0 }
}

function certificates(
  certificate: Uint8Array,
  secretKey: Uint8Array,
  serverCertificate: Uint8Array,
  usage: number | undefined,
): DtlsClientCredentials {
  const keyPair = load(secretKey, certificate)
  let server: X509Certificate
  try {
    server = new X509Certificate(serverCertificate)
  } catch (error) {
    throw bad('the certificate of the server cannot be read', error)
  }
  if (usage !== undefined && AUTHORITY_USAGES.has(usage)) return { keyPair, trustAnchors: [server] }
  return { keyPair, certificate: ({ leaf }) => leaf.raw.equals(server.raw) }
}

/** A key as accounts have it: PKCS #8 (RFC 5958). */
function load(secretKey: Uint8Array, certificate?: Uint8Array): ReturnType<typeof loadServerKey> {
  try {
    return loadServerKey({
      privateKey: secretKey,
      certificateChain: certificate === undefined ? undefined : [certificate],
    })
  } catch (error) {
    const what = certificate === undefined ? 'secret key' : 'certificate or its secret key'
    throw bad(`the ${what} is not usable: P-256 is needed`, error)
  }
}

function bad(message: string, cause?: unknown): ClientError {
  return new ClientError('invalid-argument', message, { cause })
}
