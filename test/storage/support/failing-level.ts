import { newLevel, type Level } from '../../../src/storage/level-database'

/** How a write fails: before anything was written to the log, or after everything was. */
export type Failure = { readonly code: string; readonly when: 'before' | 'after' }

/** A disk that fails on demand, below a real LevelDB. */
export class FailingDisk {
  /** Number of writes, including failed ones. */
  writes = 0
  /** LevelDB objects created: one more for each time that the store reopened the database. */
  made = 0
  /** Decides whether a write fails; by its number, from 0. */
  fail: (write: number) => Failure | undefined = () => undefined
  /** Opening fails as long as this is set. */
  openFailure: string | undefined

  /** As LevelDB does, an object loses all that is written through it after a failed write. */
  readonly level = (folder: string): Level => {
    this.made++
    const level = newLevel(folder)
    const batch = level.batch.bind(level) as (...args: unknown[]) => Promise<void>
    const open = level.open.bind(level) as () => Promise<void>
    let broken = false
    const failing = async (...args: unknown[]): Promise<void> => {
      if (broken) return
      const failure = this.fail(this.writes++)
      if (failure?.when !== 'before') await batch(...args)
      if (failure === undefined) return
      broken = true
      throw ioError(failure.code)
    }
    return Object.assign(level, {
      batch: failing,
      open: () => (this.openFailure === undefined ? open() : refuse(this.openFailure)),
    })
  }
}

function refuse(code: string): Promise<never> {
  return Promise.reject(
    Object.assign(new Error('Database failed to open', { cause: ioError(code) }), {
      code: 'LEVEL_DATABASE_NOT_OPEN',
    }),
  )
}

function ioError(code: string): Error {
  return Object.assign(new Error(`IO error: 000003.log: ${code}`), { code: 'LEVEL_IO_ERROR' })
}
