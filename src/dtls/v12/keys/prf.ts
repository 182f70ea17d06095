import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

function hmac(key: KeyObject, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** The PRF of TLS 1.2 with SHA-256, `length` bytes of it (RFC 5246 §5). */
export function prf(
  secret: Uint8Array,
  label: string,
  seed: readonly Uint8Array[],
  length: number,
): Buffer {
  const key = createSecretKey(secret)
  const labelled = [Buffer.from(label, 'latin1'), ...seed]
  const output = Buffer.alloc(length)
  let a = hmac(key, ...labelled)
  for (let at = 0; at < length; at += 32) {
    hmac(key, a, ...labelled).copy(output, at)
    if (at + 32 < length) a = hmac(key, a)
  }
  return output
}
