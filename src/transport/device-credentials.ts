import type { DtlsClientCredentials } from '../dtls/client-credentials'
import type { DtlsCredentials } from '../dtls/credentials'
import type { Peer } from './transport'

/**
 * The credential that the server uses, and expects, when it starts a handshake with a known device:
 * the one the device connected with, if it is still valid.
 * @returns undefined if there is no such credential
 */
export async function deviceCredentials(
  { identity, address, port }: Peer,
  credentials: DtlsCredentials,
): Promise<DtlsClientCredentials | undefined> {
  const { serverKey: keyPair } = credentials
  const from = { address, port }
  switch (identity.kind) {
    case 'none':
      return undefined
    case 'psk': {
      const key = await credentials.psk?.(identity.identity, from)
      return key === undefined ? undefined : { psk: { identity: identity.identity, key } }
    }
    case 'rpk': {
      const known = await credentials.rawPublicKey?.(identity.publicKey, from)
      if (keyPair === undefined || known !== true) return undefined
      // Raw: a device that has only a raw public key expects one.
      const { privateKey, publicKey } = keyPair
      return {
        keyPair: { privateKey, publicKey },
        rawPublicKey: (spki) => Buffer.compare(spki, identity.publicKey) === 0,
      }
    }
    case 'x509':
      if (keyPair === undefined) return undefined
      return {
        keyPair,
        trustAnchors: credentials.trustAnchors,
        certificate: async (presented, address) =>
          Buffer.compare(presented.leaf.raw, identity.certificate) === 0 &&
          (credentials.certificate === undefined
            ? presented.trusted
            : await credentials.certificate(presented, address)),
      }
  }
}
