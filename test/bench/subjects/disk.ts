import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskStore } from '../../../src/storage/disk-store'
import { engineSubject } from './engine'
import type { Subject } from './subject'

/** A folder that goes with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lwm2m-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The engine with the disk store. */
export function diskSubject(): Promise<Subject> {
  return engineSubject({ store: new DiskStore(temporaryFolder()) })
}
