const CASTAGNOLI = 0x82f63b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1
  return crc
})

/**
 * CRC-32C (RFC 3720 appendix B.4), the checksum of LevelDB's log. Node's `zlib.crc32` uses another
 * polynomial and is missing in the oldest supported Node.js.
 * @param previous the CRC of the preceding bytes, to continue it
 * @returns unsigned 32 bits
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}
