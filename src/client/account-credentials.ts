import { createHash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { importP256 } from '../dtls/certificates/raw-public-key'
import { loadServerKey } from '../dtls/certificates/server-key'
import type { DtlsClientCredentials } from '../dtls/client-credentials'
import type { ServerKey } from '../dtls/credentials'
import { type ServerAccount, SecurityMode } from './accounts'
import { ClientError } from './errors'
import { parseServerUri } from './session/server-uri'

/** Certificate usages (`/0/x/15`, RFC 6698 §2.1.1) for which the certificate is that of a CA. */
const AUTHORITY_USAGES = new Set([0, 2])
/** By matching type (`/0/x/13`, RFC 6698 §2.1.3). */
const MATCHING_HASHES: { readonly [type: number]: string } = {
  1: 'sha256',
  2: 'sha384',
  3: 'sha512',
}

/**
 * The credentials with which an account connects over `coaps`: depending on its security mode a
 * pre-shared key, raw public keys or certificates (Core §7.2, resources 2 to 5 and 13 to 15). The
 * certificate of the server (or its hash) is pinned, or with usage 0 or 2 it is a trust anchor: the
 * server's certificate must then match the host of the URI, or `/0/x/14`.
 * @throws ClientError `invalid-argument`, naming what is missing or invalid, never a secret
 */
export function accountCredentials(account: ServerAccount): DtlsClientCredentials {
  const { mode, psk, publicKey, secretKey, serverPublicKey } = account
  if (mode === SecurityMode.PSK) {
    if (psk === undefined) throw bad('identity or key is missing')
    return { psk }
  }
  if (mode !== SecurityMode.RPK && mode !== SecurityMode.X509) {
    throw bad(`security mode ${mode} is not supported with coaps`)
  }
  const what = mode === SecurityMode.RPK ? 'public key' : 'certificate'
  if (publicKey === undefined || secretKey === undefined) {
    throw bad(`the ${what} or the secret key is missing`)
  }
  if (serverPublicKey === undefined) throw bad(`the ${what} of the server is missing`)
  return mode === SecurityMode.RPK
    ? rawKeys(publicKey, secretKey, serverPublicKey)
    : certificates(account, load(secretKey, publicKey), serverPublicKey)
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
    throw bad('the public key of the server is not a P-256 SubjectPublicKeyInfo')
  }
  return { keyPair, rawPublicKey: (spki) => Buffer.compare(spki, serverPublicKey) === 0 }
}

function certificates(
  account: ServerAccount,
  keyPair: ServerKey,
  serverCertificate: Uint8Array,
): DtlsClientCredentials {
  const { certificateUsage: usage, matchingType = 0 } = account
  const authority = usage !== undefined && AUTHORITY_USAGES.has(usage)
  if (matchingType !== 0) {
    const hash = MATCHING_HASHES[matchingType]
    if (hash === undefined) throw bad(`matching type ${matchingType} is unknown`)
    if (authority) throw bad('the certificate of an authority must be given in full')
    return {
      keyPair,
      certificate: ({ leaf }) =>
        createHash(hash).update(leaf.raw).digest().equals(serverCertificate),
    }
  }
  let server: X509Certificate
  try {
    server = new X509Certificate(serverCertificate)
  } catch (error) {
    throw bad('the certificate of the server cannot be read', error)
  }
  if (!authority) return { keyPair, certificate: ({ leaf }) => leaf.raw.equals(server.raw) }
  const name = account.serverName ?? parseServerUri(account.uri).host
  return {
    keyPair,
    trustAnchors: [server],
    certificate: ({ leaf, trusted }) => trusted && isFor(leaf, name),
  }
}

/** Whether a certificate matches a host name or address (RFC 7252 §9.1.3.3). */
function isFor(leaf: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined
}

/** Reads a key in the form of accounts: PKCS #8 (RFC 5958). */
function load(secretKey: Uint8Array, certificate?: Uint8Array): ServerKey {
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
