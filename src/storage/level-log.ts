import { open } from 'node:fs/promises'
import { crc32c } from './crc32c'

/** LevelDB's log format: blocks of 32 KiB, records with a 7-byte header, never across blocks. */
const BLOCK = 32_768
const HEADER = 7
const LAST_TYPE = 4
const MASK_DELTA = 0xa282ead8

/** Reverts LevelDB's masking of a stored checksum. */
function unmask(masked: number): number {
  const rotated = (masked - MASK_DELTA) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/**
 * Checks a LevelDB write-ahead log before LevelDB replays it. The replay skips what it cannot read
 * and then deletes the file, so damage would silently become data loss.
 *
 * An incomplete record or zeros at the very end are left by a killed process or a power failure:
 * such a write was never acknowledged, so they are not reported as damage.
 * @returns what is wrong and where, or undefined
 */
export async function findLogDamage(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const block = Buffer.alloc(BLOCK)
    let zerosFrom: number | undefined
    for (let start = 0; start < size; start += BLOCK) {
      const { bytesRead } = await handle.read(block, 0, BLOCK, start)
      const bytes = block.subarray(0, bytesRead)
      const wrong = checkBlock(bytes, start + bytesRead >= size)
      if (zerosFrom !== undefined && bytes.some((byte) => byte !== 0)) {
        return `a hole at offset ${zerosFrom}`
      }
      if (wrong === undefined) continue
      if (wrong.what !== 'zeros') return `${wrong.what} at offset ${start + wrong.offset}`
      zerosFrom ??= start + wrong.offset
    }
    return undefined
  } finally {
    await handle.close()
  }
}

interface Finding {
  readonly offset: number
  readonly what: string
}

function checkBlock(bytes: Buffer, last: boolean): Finding | undefined {
  let at = 0
  while (bytes.length - at >= HEADER) {
    const length = bytes.readUInt16LE(at + 4)
    const type = bytes.readUInt8(at + 6)
    if (type === 0 && length === 0) {
      const rest = bytes.subarray(at)
      return { offset: at, what: rest.every((byte) => byte === 0) ? 'zeros' : 'a bad record' }
    }
    const end = at + HEADER + length
    if (end > bytes.length) {
      return last ? undefined : { offset: at, what: 'a bad record length' }
    }
    if (type > LAST_TYPE) return { offset: at, what: 'an unknown record type' }
    const checksum = unmask(bytes.readUInt32LE(at))
    if (crc32c(bytes.subarray(at + 6, end)) !== checksum) {
      return { offset: at, what: 'a wrong checksum' }
    }
    at = end
  }
  return undefined
}
