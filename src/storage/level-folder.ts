import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findLogDamage } from './level-log'
import { liveTables } from './level-manifest'

/** LevelDB's first manifest: current only until the database was first opened completely. */
const FIRST_MANIFEST = 'MANIFEST-000001'

/**
 * Looks for damage that LevelDB itself ignores when it opens a folder: it creates a new, empty
 * database if `CURRENT` is missing (and then deletes the old tables), treats a missing log as
 * empty, skips unreadable records of a log, and reads a table only when needed.
 * @returns the damage found, or undefined; a new or empty folder is valid
 */
export async function findFolderDamage(folder: string): Promise<string | undefined> {
  const names = await readdir(folder)
  const logs = names.filter((name) => /^\d+\.log$/.test(name))
  const tables = names.filter((name) => /^\d+\.(ldb|sst)$/.test(name))
  const manifests = names.filter((name) => /^MANIFEST-\d+$/.test(name))

  if (!names.includes('CURRENT')) {
    // A process killed while it first opened the folder leaves a manifest without data.
    const leftover = manifests.every((name) => name === FIRST_MANIFEST)
    return logs.length + tables.length === 0 && leftover ? undefined : 'the file CURRENT is missing'
  }
  const current = await readFile(join(folder, 'CURRENT'), 'latin1')
  const manifest = /^(MANIFEST-\d+)\n$/.exec(current)?.[1]
  if (manifest === undefined) return 'the file CURRENT is damaged'
  if (!manifests.includes(manifest)) return `the file ${manifest} is missing`
  if (logs.length === 0 && manifest !== FIRST_MANIFEST) return 'the log file is missing'
  for (const log of logs) {
    const damage = await findLogDamage(join(folder, log))
    if (damage !== undefined) return `${log} has ${damage}`
  }
  return findTableDamage(folder, manifest)
}

/**
 * LevelDB opens a database with a truncated table without an error and fails when it reads the
 * table.
 */
async function findTableDamage(folder: string, manifest: string): Promise<string | undefined> {
  const live = await liveTables(join(folder, manifest))
  // LevelDB itself reports an unreadable manifest.
  for (const [number, size] of live ?? []) {
    const name = String(number).padStart(6, '0')
    const found = (await sizeOf(folder, `${name}.ldb`)) ?? (await sizeOf(folder, `${name}.sst`))
    if (found === undefined) return `the table ${name}.ldb is missing`
    if (found !== size) return `the table ${name}.ldb has ${found} bytes instead of ${size}`
  }
  return undefined
}

async function sizeOf(folder: string, name: string): Promise<number | undefined> {
  try {
    return (await stat(join(folder, name))).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
