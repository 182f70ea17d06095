import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { PrfHash } from '../../ciphers/suites'

const HASH_LENGTH = { sha256: 32, sha384: 48 } as const

function hmac(hash: PrfHash, key: KeyObject, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac(hash, key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** The first `length` bytes of the PRF of TLS 1.2 (RFC 5246 §5). */
export function prf(
  secret: Uint8Array,
  label: string,
  seed: readonly Uint8Array[],
  length: number,
  hash: PrfHash = 'sha256',
): Buffer {
  const key = createSecretKey(secret)
  const labelled = [Buffer.from(label, 'latin1'), ...seed]
  const output = Buffer.alloc(length)
  const step = HASH_LENGTH[hash]
  let a = hmac(hash, key, ...labelled)
  for (let at = 0; at < length; at += step) {
    hmac(hash, key, a, ...labelled).copy(output, at)
    if (at + step < length) a = hmac(hash, key, a)
  }
  return output
}
