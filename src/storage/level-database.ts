import { mkdir } from 'node:fs/promises'
import { ClassicLevel, type Iterator } from 'classic-level'
import { explainLevelError, storeDamaged, storeFailed } from './level-error'
import { findFolderDamage } from './level-folder'
import { sealValue, unsealValue } from './sealed-value'
import { StoreError } from './store'

export type Level = ClassicLevel<string, Uint8Array>
export type LevelIterator = Iterator<Level, string, Uint8Array>

/** Sorts before every key of the form `area:rest` and is never listed. */
export const MARKER_KEY = '\u0000store'
/**
 * Format written by this version: 1 had records without versions. A store of a later format is
 * rejected.
 */
const FORMAT = 2
/**
 * Number of checks of a damaged folder before it is reported: another process may be changing its
 * files.
 */
const LOOKS = 3

/**
 * Creates the LevelDB object of a folder without opening it; replaced in tests of failing disks.
 */
export type LevelFactory = (folder: string) => Level

export const newLevel: LevelFactory = (folder) =>
  new ClassicLevel<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' })

/**
 * Opens (or creates) the LevelDB of a folder.
 * @throws StoreError `store-locked`, `store-damaged`, `store-failed`
 */
export async function openLevel(folder: string, make: LevelFactory): Promise<Level> {
  await prepareFolder(folder)
  const level = make(folder)
  try {
    await level.open()
    await checkMarker(folder, level)
  } catch (error) {
    await level.close().catch(() => undefined)
    throw explainLevelError(folder, error, 'opened')
  }
  return level
}

async function prepareFolder(folder: string): Promise<void> {
  try {
    // The store holds keys, so nobody else may read it. The mode of an existing folder is left
    // unchanged.
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw storeFailed(folder, 'opened', error)
  }
  let damage: string | undefined
  for (let look = 0; look < LOOKS; look++) {
    damage = await lookFor(folder)
    if (damage === undefined) return
  }
  throw storeDamaged(folder, `${damage ?? ''} (nothing was changed)`)
}

async function lookFor(folder: string): Promise<string | undefined> {
  try {
    return await findFolderDamage(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'files are missing'
    throw storeFailed(folder, 'opened', error)
  }
}

/** Distinguishes our store from any other LevelDB folder and from one of a later version. */
async function checkMarker(folder: string, level: Level): Promise<void> {
  const sealed = await level.get(MARKER_KEY)
  if (sealed === undefined) {
    const [first] = await level.keys({ limit: 1 }).all()
    if (first !== undefined) throw storeDamaged(folder, 'it lacks its format marker')
    await writeMarker(level)
    return
  }
  const value = unsealValue(MARKER_KEY, sealed)
  if (value === undefined) throw storeDamaged(folder, 'its format marker is corrupt')
  const marker: unknown = JSON.parse(Buffer.from(value).toString())
  const format = (marker as { format?: unknown }).format
  if (typeof format !== 'number' || format > FORMAT) {
    throw new StoreError(
      'store-newer',
      `the store ${folder} has format ${String(format)}; this version of the package reads up to ${FORMAT}. Update the package, or start empty`,
    )
  }
  // Records are migrated one by one when read. An older version must reject the store from now on.
  if (format < FORMAT) await writeMarker(level)
}

function writeMarker(level: Level): Promise<void> {
  const marker = Buffer.from(JSON.stringify({ format: FORMAT }))
  return level.put(MARKER_KEY, sealValue(MARKER_KEY, marker), { sync: true })
}
