import { type Clock, systemClock } from '../base/clock'
import { GroupCommit } from './group-commit'
import {
  type Level,
  type LevelFactory,
  type LevelIterator,
  MARKER_KEY,
  newLevel,
  openLevel,
} from './level-database'
import { explainLevelError, storeDamaged } from './level-error'
import { sealValue, unsealValue } from './sealed-value'
import { StoreError, type Store, type StoreChange } from './store'

/** Entries read at once by {@link DiskStore.list}; each read is one turn of the event loop. */
const CHUNK = 256
/** Pause after a failed attempt to reopen, in ms; doubled each time. */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 10_000

/** Settings of a {@link DiskStore}. */
export interface DiskStoreOptions {
  /**
   * Calls `fsync` with every write, so that acknowledged writes also survive a power failure.
   * Without it (the default) they survive the end of the process in any form, because the operating
   * system has them, at a fraction of the cost.
   */
  readonly sync?: boolean
  readonly clock?: Clock
  /** Creates the LevelDB object; default classic-level. */
  readonly level?: LevelFactory
}

/**
 * A store in one folder, on LevelDB. Only one process at a time can open it. Every value carries a
 * checksum, so that damage is reported instead of being returned as data.
 *
 * After a failed write the end of LevelDB's log is undefined: whatever is appended after it could
 * be lost. The database is therefore closed and reopened, which drops an incomplete end, before
 * anything else is written; until that succeeds every write fails.
 *
 * @example
 * ```js
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { Lwm2mServer } from '@lwm2m-flows/node-red-lwm2m'
 * import { DiskStore } from '@lwm2m-flows/node-red-lwm2m/storage'
 *
 * const store = new DiskStore(mkdtempSync(join(tmpdir(), 'lwm2m-')))
 * const server = new Lwm2mServer({ store, coap: { host: '127.0.0.1', port: 0 } })
 * await server.start()
 * await server.stop()
 * ```
 */
export class DiskStore implements Store {
  private level: Level | undefined
  private opening: Promise<void> | undefined
  private readonly commits: GroupCommit
  private readonly clock: Clock
  private readonly makeLevel: LevelFactory
  /**
   * Why the last write or reopening failed: nothing is written until the database has been
   * reopened.
   */
  private failure: StoreError | undefined
  private reopening: Promise<void> | undefined
  private pause = FIRST_PAUSE
  private pausedUntil = 0

  /** @param folder created, readable only by its owner, if it does not exist */
  constructor(
    readonly folder: string,
    private readonly options: DiskStoreOptions = {},
  ) {
    this.clock = options.clock ?? systemClock
    this.makeLevel = options.level ?? newLevel
    this.commits = new GroupCommit((changes) => this.write(changes))
  }

  /** Opens the store; does nothing if it is already open or being opened. */
  async open(): Promise<void> {
    if (this.level !== undefined) return
    this.opening ??= openLevel(this.folder, this.makeLevel)
      .then((level) => this.opened(level))
      .finally(() => {
        this.opening = undefined
      })
    await this.opening
  }

  async close(): Promise<void> {
    await this.opening?.catch(() => undefined)
    await this.commits.drained()
    const level = this.level
    this.level = undefined
    this.failure = undefined
    await level?.close()
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.assertOpen()
    for (;;) {
      const waiting = this.commits.peek(key)
      if (waiting !== undefined) return waiting.value
      const level = await this.readable()
      try {
        const sealed = await level.get(key)
        return sealed === undefined ? undefined : this.unseal(key, sealed)
      } catch (error) {
        if (level === this.level) throw explainLevelError(this.folder, error, 'read')
      }
    }
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.assertOpen()
    // A copy: the caller's buffer may be reused before the write starts.
    await this.commits.commit([{ type: 'put', key, value: new Uint8Array(value) }])
  }

  async delete(key: string): Promise<void> {
    this.assertOpen()
    await this.commits.commit([{ type: 'delete', key }])
  }

  async batch(changes: readonly StoreChange[]): Promise<void> {
    this.assertOpen()
    if (changes.length === 0) return
    await this.commits.commit(
      changes.map((change) =>
        change.type === 'put' ? { ...change, value: new Uint8Array(change.value) } : { ...change },
      ),
    )
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.assertOpen()
    await this.commits.drained()
    let last: string | undefined
    for (;;) {
      const level = await this.readable()
      const from = last ?? (prefix === '' ? MARKER_KEY : undefined)
      const iterator = level.iterator(from === undefined ? { gte: prefix } : { gt: from })
      try {
        for (;;) {
          const entries = await this.nextEntries(level, iterator)
          // The database was reopened meanwhile: continue after the last entry.
          if (entries === undefined) break
          if (entries.length === 0) return
          for (const [key, sealed] of entries) {
            if (!key.startsWith(prefix)) return
            yield [key, this.unseal(key, sealed)]
            last = key
          }
        }
      } finally {
        await iterator.close()
      }
    }
  }

  private opened(level: Level): void {
    this.level = level
    this.failure = undefined
    this.pause = FIRST_PAUSE
    this.pausedUntil = 0
  }

  private assertOpen(): void {
    if (this.level === undefined && this.failure === undefined) throw closed()
  }

  private async readable(): Promise<Level> {
    await this.reopening
    if (this.level === undefined) throw this.failure ?? closed()
    return this.level
  }

  private async write(changes: readonly StoreChange[]): Promise<void> {
    if (this.failure !== undefined) await this.reopen(this.failure)
    const { level } = this
    if (level === undefined) throw closed()
    try {
      await level.batch(
        changes.map((change) =>
          change.type === 'put'
            ? { type: 'put', key: change.key, value: sealValue(change.key, change.value) }
            : { type: 'del', key: change.key },
        ),
        { sync: this.options.sync ?? false },
      )
    } catch (error) {
      this.failure = explainLevelError(this.folder, error, 'written')
      throw this.failure
    }
  }

  /** Writes are serialized, so there is only one attempt at a time. @throws StoreError */
  private async reopen(failure: StoreError): Promise<void> {
    if (this.clock.monotonic() < this.pausedUntil) throw failure
    this.reopening = this.tryToReopen()
    try {
      await this.reopening
    } finally {
      this.reopening = undefined
    }
    if (this.level === undefined) throw this.failure ?? failure
  }

  private async tryToReopen(): Promise<void> {
    const old = this.level
    this.level = undefined
    // Closing writes nothing: what failed stays out of the log.
    await old?.close().catch(() => undefined)
    try {
      this.opened(await openLevel(this.folder, this.makeLevel))
    } catch (error) {
      this.failure = explainLevelError(this.folder, error, 'opened')
      this.pausedUntil = this.clock.monotonic() + this.pause
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE)
    }
  }

  /** Undefined if the database was reopened meanwhile. */
  private async nextEntries(
    level: Level,
    iterator: LevelIterator,
  ): Promise<[string, Uint8Array][] | undefined> {
    if (level !== this.level) return undefined
    try {
      return await iterator.nextv(CHUNK)
    } catch (error) {
      if (level !== this.level) return undefined
      throw explainLevelError(this.folder, error, 'read')
    }
  }

  private unseal(key: string, sealed: Uint8Array): Uint8Array {
    const value = unsealValue(key, sealed)
    if (value === undefined) {
      throw storeDamaged(this.folder, `the entry ${JSON.stringify(key)} is corrupt`)
    }
    return value
  }
}

function closed(): StoreError {
  return new StoreError('store-closed', 'the store is not open')
}
