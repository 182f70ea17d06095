import { MASTER_SECRET_LENGTH } from '../../sessions/session'
import { prf } from './prf'
import type { ConnectionKeys } from '../../ciphers/connection-keys'
import type { PrfHash, Protection } from '../../ciphers/suites'

export const VERIFY_DATA_LENGTH = 12

/**
 * The premaster secret of a PSK (RFC 4279 §2): `other` is zeros of the key's length, or the ECDH
 * secret (RFC 5489 §2).
 */
export function pskPremaster(psk: Uint8Array, other?: Uint8Array): Buffer {
  const first = other ?? Buffer.alloc(psk.length)
  const premaster = Buffer.alloc(4 + first.length + psk.length)
  premaster.writeUInt16BE(first.length, 0)
  premaster.set(first, 2)
  premaster.writeUInt16BE(psk.length, 2 + first.length)
  premaster.set(psk, 4 + first.length)
  return premaster
}

/** RFC 5246 §8.1. */
export function masterSecret(
  premaster: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
  hash?: PrfHash,
): Buffer {
  const randoms = [clientRandom, serverRandom]
  return prf(premaster, 'master secret', randoms, MASTER_SECRET_LENGTH, hash)
}

/** RFC 7627 §4; `sessionHash` covers everything up to and with ClientKeyExchange. */
export function extendedMasterSecret(
  premaster: Uint8Array,
  sessionHash: Uint8Array,
  hash?: PrfHash,
): Buffer {
  return prf(premaster, 'extended master secret', [sessionHash], MASTER_SECRET_LENGTH, hash)
}

/** RFC 5246 §7.4.9. */
export function verifyData(
  master: Uint8Array,
  sender: 'client' | 'server',
  transcriptHash: Uint8Array,
  hash?: PrfHash,
): Buffer {
  return prf(master, `${sender} finished`, [transcriptHash], VERIFY_DATA_LENGTH, hash)
}

/** RFC 5246 §6.3. The parts are views of one block: see {@link eraseKeys}. */
export function connectionKeys(
  protection: Protection,
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
  keyLength = 16,
  hash?: PrfHash,
): ConnectionKeys {
  const macLength = protection === 'cbc' ? 32 : 0
  const ivLength = protection === 'cbc' ? 0 : 4
  const length = 2 * (macLength + keyLength + ivLength)
  const block = prf(master, 'key expansion', [serverRandom, clientRandom], length, hash)
  let at = 0
  const take = (bytes: number): Uint8Array => block.subarray(at, (at += bytes))
  const [clientMac, serverMac] = [take(macLength), take(macLength)]
  const [clientKey, serverKey] = [take(keyLength), take(keyLength)]
  const [clientIv, serverIv] = [take(ivLength), take(ivLength)]
  return {
    client: { mac: clientMac, key: clientKey, iv: clientIv },
    server: { mac: serverMac, key: serverKey, iv: serverIv },
  }
}
