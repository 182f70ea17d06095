import { readFile } from 'node:fs/promises'

/** LevelDB's log format (also used by its manifests): blocks of 32 KiB, 7 bytes of header. */
const BLOCK = 32_768
const HEADER = 7
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4]
/** Tags of a version edit (LevelDB's version_edit.cc). */
const [COMPARATOR, COMPACT_POINTER, DELETED_FILE, NEW_FILE] = [1, 5, 6, 7]
/** Log number, next file, last sequence, previous log: one number each. */
const NUMBERS: ReadonlySet<number> = new Set([2, 3, 4, 9])

/**
 * The tables that belong to the database according to a manifest. Others are leftovers, for example
 * of a killed compaction, which LevelDB removes.
 * @returns bytes by table number; undefined if the manifest cannot be read
 */
export async function liveTables(file: string): Promise<Map<number, number> | undefined> {
  const tables = new Map<number, number>()
  try {
    for (const record of recordsOf(await readFile(file))) apply(record, tables)
    return tables
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function* recordsOf(bytes: Buffer): Generator<Buffer> {
  let parts: Buffer[] = []
  let at = 0
  while (at + HEADER <= bytes.length) {
    const left = BLOCK - (at % BLOCK)
    if (left < HEADER) {
      at += left
      continue
    }
    const end = at + HEADER + bytes.readUInt16LE(at + 4)
    const type = bytes.readUInt8(at + 6)
    // An incomplete end, as left by a killed process.
    if (type === 0 || end > bytes.length) return
    const part = bytes.subarray(at + HEADER, end)
    if (type === FULL || type === FIRST) parts = [part]
    else if (type === MIDDLE || type === LAST) parts.push(part)
    else throw new RangeError('an unknown record type')
    if (type === FULL || type === LAST) yield Buffer.concat(parts)
    at = end
  }
}

/** @throws RangeError if it is not a version edit */
function apply(record: Buffer, tables: Map<number, number>): void {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = record.readUInt8(at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const skipText = (): void => {
    const length = number()
    at += length
  }
  while (at < record.length) {
    const tag = number()
    if (NUMBERS.has(tag)) number()
    else if (tag === COMPARATOR) skipText()
    else if (tag === COMPACT_POINTER) {
      number()
      skipText()
    } else if (tag === DELETED_FILE) {
      number()
      tables.delete(number())
    } else if (tag === NEW_FILE) {
      number()
      const table = number()
      tables.set(table, number())
      skipText()
      skipText()
    } else throw new RangeError(`an unknown tag ${tag}`)
  }
}
