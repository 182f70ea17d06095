import { generateKeyPairSync } from 'node:crypto'
import type { DtlsCredentials } from '../../../src/dtls/credentials'
import { buildRawPublicKey } from '../../../src/dtls/v12/messages/certificate'
import { loadServerKey } from '../../../src/dtls/certificates/server-key'
import type { HostileClientOptions } from './hostile-client'

const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

/** SubjectPublicKeyInfo of the one client that {@link rpkCredentials} knows. */
export const CLIENT_SPKI = pair.publicKey.export({ type: 'spki', format: 'der' })

/** A server with a raw public key that knows one client's. */
export const rpkCredentials: DtlsCredentials = {
  serverKey: loadServerKey({ privateKey: own.privateKey }),
  rawPublicKey: (spki) => CLIENT_SPKI.equals(spki),
}

/** A client with a raw public key; by default the known one. */
export function rpkClient(
  spki: Uint8Array = CLIENT_SPKI,
  change: Partial<HostileClientOptions> = {},
): HostileClientOptions {
  const rawPublicKey = Buffer.from([1, 2])
  return {
    suites: [0xc0ae],
    group: 23,
    certificate: { key: pair.privateKey, body: buildRawPublicKey(spki) },
    extensions: [
      [19, rawPublicKey],
      [20, rawPublicKey],
    ],
    ...change,
  }
}
