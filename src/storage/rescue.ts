/** Recovery of a store that does not open: repair it, put it aside, export what is readable. */
import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { type Clock, systemClock } from '../base/clock'
import { DiskStore } from './disk-store'
import { type Level, MARKER_KEY, newLevel } from './level-database'
import { explainLevelError, storeFailed } from './level-error'
import { unsealValue } from './sealed-value'
import { StoreError, type StoreChange } from './store'

/** Entries written at once. */
const BATCH = 500

/** Result of {@link repairStore}. */
export interface RepairReport {
  /** Number of readable entries; they are in the repaired store. */
  readonly kept: number
  /**
   * Number of corrupt entries found. The entries of a lost file are not counted, their number is
   * unknown.
   */
  readonly corrupt: number
  /** The damaged folder under its new name. */
  readonly aside: string
}

/** An entry of a damaged store; `value` is undefined if it is corrupt. */
export interface FoundEntry {
  readonly key: string
  readonly value: Uint8Array | undefined
}

/**
 * Replaces a damaged store by a new one with all entries that can be read; the old folder is kept
 * beside it. The store must not be open. If the repair fails, the folder is unchanged.
 * @throws StoreError `store-locked`, `store-failed`, `store-damaged` (nothing can be read)
 */
export async function repairStore(
  folder: string,
  clock: Clock = systemClock,
): Promise<RepairReport> {
  const copy = await StoreCopy.of(folder)
  let place: string | undefined
  try {
    place = await neighbour(folder)
    const fresh = join(place, 'store')
    const counts = await writeEntries(copy.entries(), fresh)
    const aside = await putAside(folder, clock)
    await rename(fresh, folder)
    return { ...counts, aside }
  } catch (error) {
    throw asStoreError(folder, 'repaired', error)
  } finally {
    await copy.remove()
    if (place !== undefined) await rm(place, { recursive: true, force: true })
  }
}

/** Writes the entries that are not corrupt into a new store. */
async function writeEntries(
  entries: AsyncIterable<FoundEntry>,
  folder: string,
): Promise<{ kept: number; corrupt: number }> {
  let kept = 0
  let corrupt = 0
  const store = new DiskStore(folder, { sync: true })
  await store.open()
  try {
    let changes: StoreChange[] = []
    for await (const { key, value } of entries) {
      if (value === undefined) {
        corrupt++
        continue
      }
      kept++
      changes.push({ type: 'put', key, value })
      if (changes.length < BATCH) continue
      await store.batch(changes)
      changes = []
    }
    await store.batch(changes)
  } finally {
    await store.close()
  }
  return { kept, corrupt }
}

/**
 * Renames the folder of a store, so that an empty one is created when it is next opened. The store
 * must not be open.
 * @returns the new path of the old folder
 * @throws StoreError `store-locked`, `store-failed`
 */
export async function putStoreAside(folder: string, clock: Clock = systemClock): Promise<string> {
  try {
    await assertUnlocked(folder)
    return await putAside(folder, clock)
  } catch (error) {
    throw asStoreError(folder, 'moved', error)
  }
}

/** A repaired copy of a store, to read it in any state. */
export class StoreCopy {
  private constructor(
    private readonly place: string,
    private readonly folder: string,
    private readonly level: Level,
  ) {}

  /**
   * Copies a store to a folder beside it; the store itself is not changed. It must not be open.
   * @throws StoreError `store-locked`, `store-failed`, `store-damaged`
   */
  static async of(folder: string): Promise<StoreCopy> {
    await assertUnlocked(folder)
    const place = await neighbour(folder)
    try {
      const copy = join(place, 'copy')
      await cp(folder, copy, { recursive: true })
      await ClassicLevel.repair(copy)
      return new StoreCopy(place, folder, newLevel(copy))
    } catch (error) {
      await rm(place, { recursive: true, force: true })
      throw asStoreError(folder, 'read', error)
    }
  }

  /** All entries that can be found, in key order. @throws StoreError */
  async *entries(): AsyncGenerator<FoundEntry> {
    try {
      await this.level.open()
      for await (const [key, sealed] of this.level.iterator({ gt: MARKER_KEY })) {
        yield { key, value: unsealValue(key, sealed) }
      }
    } catch (error) {
      throw asStoreError(this.folder, 'read', error)
    }
  }

  /** Removes the copy. */
  async remove(): Promise<void> {
    await this.level.close().catch(() => undefined)
    await rm(this.place, { recursive: true, force: true })
  }
}

/** @throws StoreError `store-locked`: a store that is open elsewhere must not be changed */
async function assertUnlocked(folder: string): Promise<void> {
  const level = newLevel(folder)
  try {
    // Always fails: LevelDB takes the lock, finds no database and stops.
    await level.open({ createIfMissing: false, errorIfExists: true })
  } catch (error) {
    const known = explainLevelError(folder, error, 'opened')
    if (known.code === 'store-locked') throw known
  } finally {
    await level.close().catch(() => undefined)
  }
}

/** Creates a new folder beside another one, on the same file system; readable only by its owner. */
async function neighbour(folder: string): Promise<string> {
  try {
    return await mkdtemp(join(dirname(folder), `${basename(folder)}.rescue-`))
  } catch (error) {
    throw storeFailed(folder, 'copied', error)
  }
}

async function putAside(folder: string, clock: Clock): Promise<string> {
  const time = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  for (let n = 1; ; n++) {
    const aside = `${folder}.damaged-${time}${n === 1 ? '' : `-${n}`}`
    if (await exists(aside)) continue
    await rename(folder, aside)
    return aside
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function asStoreError(folder: string, what: string, error: unknown): StoreError {
  return error instanceof StoreError ? error : explainLevelError(folder, error, what)
}
