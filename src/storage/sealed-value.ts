import { crc32c } from './crc32c'

/** Bytes of the checksum before a value. */
const CHECKSUM = 4

function checksum(key: string, value: Uint8Array): number {
  return crc32c(value, crc32c(Buffer.from(key, 'utf8')))
}

/** The value as it is written to disk, preceded by a checksum over key and value. */
export function sealValue(key: string, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(CHECKSUM + value.length)
  sealed.writeUInt32BE(checksum(key, value))
  sealed.set(value, CHECKSUM)
  return sealed
}

/** The value, or undefined if it is not what was written under this key. */
export function unsealValue(key: string, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < CHECKSUM) return undefined
  const value = sealed.subarray(CHECKSUM)
  const expected = new DataView(sealed.buffer, sealed.byteOffset).getUint32(0)
  return checksum(key, value) === expected ? value : undefined
}
