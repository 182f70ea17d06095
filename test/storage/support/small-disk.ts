/**
 * Runs sessions of a disk store on a filesystem that fails at a random place of each and recovers
 * later: `small-disk <full|file-size> <places> <seed>`. For `full` it mounts a filesystem of
 * 2 MB, so it needs a mount namespace of its own (`unshare -m`). Prints what it found as JSON.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskStore } from '../../../src/storage/disk-store'
import { seededRandom } from '../../support/random'
import { FakeClock } from '../../support/fake-clock'

/** What a run found. */
export interface SmallDiskReport {
  /** Sessions in which at least one write failed. */
  readonly failed: number
  /** Writes acknowledged after a failure. */
  readonly recovered: number
  /** What was acknowledged and is not there, or stores that do not open: must be empty. */
  readonly lost: readonly string[]
}

const [, , kind = 'full', places = '200', seed = '1'] = process.argv
const random = seededRandom(Number(seed))
const below = (n: number): number => Math.floor(random() * n)
const root = mkdtempSync(join(tmpdir(), 'lwm2m-small-disk-'))
const disk = join(root, 'disk')
const OPERATIONS = 40
/** Longer than the longest pause between two attempts to reopen the store, in ms. */
const PAUSE = 20_000

function limitFileSize(bytes: string): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
}

/** Makes writes fail, and returns the function that ends it. */
function fail(): () => void {
  if (kind === 'file-size') {
    limitFileSize(String(below(60_000)))
    return () => limitFileSize('unlimited')
  }
  const { bavail, bsize } = statfsSync(disk)
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - below(24_000))))
  return () => rmSync(ballast)
}

async function session(place: number): Promise<SmallDiskReport> {
  const folder = join(disk, `store-${place}`)
  const clock = new FakeClock()
  const store = new DiskStore(folder, { clock })
  await store.open()
  const kept = new Map<string, number>()
  /** Keys whose last write failed: their state is undefined. */
  const unknown = new Set<string>()
  const lost: string[] = []
  let failures = 0
  let recovered = 0
  const from = below(OPERATIONS - 10)
  const to = from + 1 + below(OPERATIONS - from - 5)
  let restore: (() => void) | undefined
  for (let i = 0; i < OPERATIONS; i++) {
    if (i === from) restore = fail()
    if (i === to) {
      restore?.()
      restore = undefined
      clock.advance(PAUSE)
    }
    const key = `k:${below(20)}`
    const size = below(9000)
    try {
      await store.put(key, Buffer.alloc(size, i))
      kept.set(key, size)
      unknown.delete(key)
      if (failures > 0) recovered++
    } catch {
      unknown.add(key)
      failures++
    }
    if (random() < 0.3) clock.advance(PAUSE)
  }
  restore?.()
  // Closing writes nothing: the files are the same as after kill -9.
  await store.close()
  try {
    const again = new DiskStore(folder)
    await again.open()
    for (const [key, size] of kept) {
      const found = await again.get(key)
      if (!unknown.has(key) && found?.length !== size) lost.push(`place ${place}: ${key}`)
    }
    await again.close()
  } catch (error) {
    lost.push(`place ${place}: ${String(error)}`)
  }
  rmSync(folder, { recursive: true })
  return { failed: failures > 0 ? 1 : 0, recovered, lost }
}

async function main(): Promise<void> {
  mkdirSync(disk)
  if (kind === 'full') execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
  try {
    const sum = { failed: 0, recovered: 0, lost: [] as string[] }
    for (let place = 0; place < Number(places); place++) {
      const found = await session(place)
      sum.failed += found.failed
      sum.recovered += found.recovered
      sum.lost.push(...found.lost)
    }
    console.log(JSON.stringify(sum satisfies SmallDiskReport))
  } finally {
    if (kind === 'full') execFileSync('umount', [disk])
    rmSync(root, { recursive: true, force: true })
  }
}

void main()
