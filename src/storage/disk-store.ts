import { mkdir } from 'node:fs/promises'
import { ClassicLevel, type Iterator } from 'classic-level'
import { GroupCommit } from './group-commit'
import { findFolderDamage } from './level-folder'
import { sealValue, unsealValue } from './sealed-value'
import { StoreError, type Store, type StoreChange } from './store'

/** Sorts before every key of the contract's form `area:rest` and is never listed. */
const MARKER_KEY = '\u0000store'
/** What this version writes; a store of a later one is left alone. */
const FORMAT = 1
/** Entries read at a time by {@link DiskStore.list}; each read is a turn of the event loop. */
const CHUNK = 256
/** Looks at a damaged folder before it is believed: another process may just be changing its files. */
const LOOKS = 3

type Level = ClassicLevel<string, Uint8Array>
type LevelIterator = Iterator<Level, string, Uint8Array>

/** Settings of a {@link DiskStore}. */
export interface DiskStoreOptions {
  /**
   * Waits for the disk itself (`fsync`) with every write, so that what was acknowledged survives a
   * power failure too. Without it (the default) it survives the end of the process in any form,
   * because the operating system has it, at a fraction of the cost.
   */
  readonly sync?: boolean
}

/**
 * A store in one folder, on LevelDB. One process at a time may hold it. Every value carries a
 * checksum, so that damage is reported instead of being taken for data.
 */
export class DiskStore implements Store {
  private level: Level | undefined
  private opening: Promise<void> | undefined
  private readonly commits: GroupCommit

  /** @param folder made, readable by its owner only, when it does not exist */
  constructor(
    readonly folder: string,
    private readonly options: DiskStoreOptions = {},
  ) {
    this.commits = new GroupCommit((changes) => this.write(changes))
  }

  /** Harmless when it is open, or being opened, already. */
  async open(): Promise<void> {
    if (this.level !== undefined) return
    this.opening ??= this.openLevel().finally(() => {
      this.opening = undefined
    })
    await this.opening
  }

  async close(): Promise<void> {
    await this.opening?.catch(() => undefined)
    await this.commits.drained()
    const level = this.level
    this.level = undefined
    await level?.close()
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const level = this.opened()
    const waiting = this.commits.peek(key)
    if (waiting !== undefined) return waiting.value
    let sealed: Uint8Array | undefined
    try {
      sealed = await level.get(key)
    } catch (error) {
      throw this.explain(error, 'read')
    }
    return sealed === undefined ? undefined : this.unseal(key, sealed)
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.opened()
    // A copy: the caller's buffer may be reused before the write starts.
    await this.commits.commit([{ type: 'put', key, value: new Uint8Array(value) }])
  }

  async delete(key: string): Promise<void> {
    this.opened()
    await this.commits.commit([{ type: 'delete', key }])
  }

  async batch(changes: readonly StoreChange[]): Promise<void> {
    this.opened()
    if (changes.length === 0) return
    await this.commits.commit(
      changes.map((change) =>
        change.type === 'put' ? { ...change, value: new Uint8Array(change.value) } : { ...change },
      ),
    )
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    const level = this.opened()
    await this.commits.drained()
    const iterator = level.iterator(prefix === '' ? { gt: MARKER_KEY } : { gte: prefix })
    try {
      for (;;) {
        const entries = await this.nextEntries(iterator)
        if (entries.length === 0) return
        for (const [key, sealed] of entries) {
          if (!key.startsWith(prefix)) return
          yield [key, this.unseal(key, sealed)]
        }
      }
    } finally {
      await iterator.close()
    }
  }

  private async openLevel(): Promise<void> {
    await this.prepareFolder()
    const level: Level = new ClassicLevel<string, Uint8Array>(this.folder, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
    })
    try {
      await level.open()
      await this.checkMarker(level)
    } catch (error) {
      await level.close().catch(() => undefined)
      throw this.explain(error, 'opened')
    }
    this.level = level
  }

  private opened(): Level {
    if (this.level === undefined) throw new StoreError('store-closed', 'the store is not open')
    return this.level
  }

  private async write(changes: readonly StoreChange[]): Promise<void> {
    const level = this.opened()
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
      throw this.explain(error, 'written')
    }
  }

  private async nextEntries(iterator: LevelIterator): Promise<[string, Uint8Array][]> {
    try {
      return await iterator.nextv(CHUNK)
    } catch (error) {
      throw this.explain(error, 'read')
    }
  }

  private unseal(key: string, sealed: Uint8Array): Uint8Array {
    const value = unsealValue(key, sealed)
    if (value === undefined) throw this.damaged(`the entry ${JSON.stringify(key)} is corrupt`)
    return value
  }

  private async prepareFolder(): Promise<void> {
    try {
      // Keys are kept here: nobody else is to read them. The mode of an existing folder is its owner's.
      await mkdir(this.folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw this.failed('opened', error)
    }
    let damage: string | undefined
    for (let look = 0; look < LOOKS; look++) {
      damage = await this.look()
      if (damage === undefined) return
    }
    throw this.damaged(damage ?? '')
  }

  private async look(): Promise<string | undefined> {
    try {
      return await findFolderDamage(this.folder)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOENT') return 'files are missing'
      throw this.failed('opened', error)
    }
  }

  /** Tells a store of ours from any other LevelDB folder, and from one of a later version. */
  private async checkMarker(level: Level): Promise<void> {
    const sealed = await level.get(MARKER_KEY)
    if (sealed === undefined) {
      const [first] = await level.keys({ limit: 1 }).all()
      if (first !== undefined) throw this.damaged('it lacks its format marker')
      const marker = Buffer.from(JSON.stringify({ format: FORMAT }))
      await level.put(MARKER_KEY, sealValue(MARKER_KEY, marker), { sync: true })
      return
    }
    const marker: unknown = JSON.parse(Buffer.from(this.unseal(MARKER_KEY, sealed)).toString())
    const format = (marker as { format?: unknown }).format
    if (format !== FORMAT) {
      throw new StoreError(
        'store-failed',
        `the store ${this.folder} has format ${String(format)}, which this version does not know`,
      )
    }
  }

  private explain(error: unknown, what: string): StoreError {
    if (error instanceof StoreError) return error
    const { code, cause } = error as { code?: string; cause?: { code?: string } }
    switch (cause?.code ?? code) {
      case 'LEVEL_LOCKED':
        return new StoreError('store-locked', `the store ${this.folder} is in use elsewhere`, {
          cause: error,
        })
      case 'LEVEL_CORRUPTION':
        return this.damaged('LevelDB finds its files corrupt', error)
      case 'LEVEL_DATABASE_NOT_OPEN':
      case 'LEVEL_ITERATOR_NOT_OPEN':
        return new StoreError('store-closed', 'the store is not open', { cause: error })
      default:
        return this.failed(what, error)
    }
  }

  private damaged(why: string, cause?: unknown): StoreError {
    return new StoreError(
      'store-damaged',
      `the store ${this.folder} is damaged: ${why}. Nothing was changed; restore it from a copy, or move the folder away to start empty`,
      cause === undefined ? undefined : { cause },
    )
  }

  private failed(what: string, cause: unknown): StoreError {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new StoreError('store-failed', `the store ${this.folder} cannot be ${what}: ${why}`, {
      cause,
    })
  }
}
