/** The user's own object definitions: a folder of OMA XML files that may change at any time. */
import { watch as watchFolder } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../base/clock'
import { Scheduler, type Timer } from '../../base/scheduler'
import type { ObjectDefinition, ObjectModel } from './definition'
import { modelWith } from './object-model'
import { MAX_FILE, ModelFileError, type ModelFiles, parseModelXml } from './xml'

/** Maximum number of files read from one folder. */
const MAX_FILES = 2000
/** Milliseconds without a change before changed files are read: editors write in several steps. */
const SETTLE = 200
/**
 * Milliseconds between attempts to watch a folder that cannot be watched (it does not exist yet).
 */
const RETRY = 5000

async function readDefinitions(file: string): Promise<ModelFiles> {
  const { size } = await stat(file)
  if (size > MAX_FILE)
    throw new ModelFileError(file, `${size} bytes exceed the limit of ${MAX_FILE}`)
  return parseModelXml(await readFile(file), file)
}

function asFileError(file: string, error: unknown): ModelFileError {
  if (error instanceof ModelFileError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new ModelFileError(file, why, { cause: error })
}

/**
 * Reads every `*.xml` of a folder in order of name. A malformed file or resource is reported in
 * `errors` and skipped. If two files define the same version of an object, the later file wins.
 * @throws ModelFileError if the folder cannot be read
 */
export async function readModelFolder(folder: string): Promise<ModelFiles> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw asFileError(folder, error)
  }
  const files = names.filter((name) => /\.xml$/i.test(name)).sort()
  const errors: ModelFileError[] = []
  if (files.length > MAX_FILES) {
    errors.push(
      new ModelFileError(folder, `${files.length} files, only the first ${MAX_FILES} are read`),
    )
  }
  const definitions = new Map<string, { definition: ObjectDefinition; file: string }>()
  for (const name of files.slice(0, MAX_FILES)) {
    const file = join(folder, name)
    try {
      const read = await readDefinitions(file)
      errors.push(...read.errors)
      for (const definition of read.definitions) {
        const { id, version } = definition
        const key = `${id}/${version}`
        const other = definitions.get(key)
        if (other !== undefined) {
          const why = `object ${id} version ${version} takes the place of the one in ${other.file}`
          errors.push(new ModelFileError(file, why))
        }
        definitions.set(key, { definition, file: name })
      }
    } catch (error) {
      errors.push(asFileError(file, error))
    }
  }
  return { definitions: [...definitions.values()].map(({ definition }) => definition), errors }
}

/**
 * Watches a folder: calls `onChange` whenever something in it has changed. @throws if it cannot be
 * watched
 */
export type WatchFolder = (
  folder: string,
  onChange: () => void,
  onError: (error: Error) => void,
) => { close(): void }

const nativeWatch: WatchFolder = (folder, onChange, onError) => {
  const watcher = watchFolder(folder, { persistent: false }, onChange)
  // eslint-disable-next-line no-restricted-syntax -- guarded by its caller
  watcher.on('error', onError)
  return watcher
}

export interface ModelFolderOptions {
  /**
   * Called with the model after each read: the built-in one, overridden by the folder's
   * definitions.
   */
  readonly onModel: (model: ObjectModel) => void
  /** Called with what could not be read; everything else was. */
  readonly onError: (error: ModelFileError) => void
  readonly clock?: Clock
  /** Default: `fs.watch`. */
  readonly watch?: WatchFolder
}

/** Keeps an object model up to date with a folder of OMA XML files. */
export class ModelFolder {
  private readonly scheduler: Scheduler
  private readonly watch: WatchFolder
  private watcher: { close(): void } | undefined
  private timer: Timer | undefined
  private reading: Promise<void> | undefined
  private isStale = false
  private isStopped = true
  /** A missing folder is reported once, not at every attempt. */
  private lastFault = ''

  constructor(
    private readonly folder: string,
    private readonly options: ModelFolderOptions,
  ) {
    this.scheduler = new Scheduler(options.clock ?? systemClock, (error) =>
      this.fault(asFileError(folder, error)),
    )
    this.watch = options.watch ?? nativeWatch
  }

  /** Reads the folder once, then again whenever it changes. Resolves after it was first read. */
  async start(): Promise<void> {
    if (!this.isStopped) return
    this.isStopped = false
    // Watch first, so that no change during the read is missed.
    this.open()
    await this.read()
  }

  stop(): void {
    this.isStopped = true
    this.watcher?.close()
    this.watcher = undefined
    this.scheduler.cancel(this.timer)
  }

  private open(): void {
    try {
      this.watcher = this.watch(
        this.folder,
        this.scheduler.entry('watching', () => this.schedule(SETTLE)),
        this.scheduler.entry('watching', () => this.reopen()),
      )
    } catch {
      // The read reports the error of the folder; it may be created later.
      this.schedule(RETRY)
    }
  }

  private reopen(): void {
    this.watcher?.close()
    this.watcher = undefined
    if (!this.isStopped) this.schedule(RETRY)
  }

  private schedule(delay: number): void {
    if (this.isStopped) return
    this.scheduler.cancel(this.timer)
    this.timer = this.scheduler.after(delay, () => {
      if (this.watcher === undefined) this.open()
      return this.read()
    })
  }

  /** One read at a time; a change during a read is followed by another one. */
  private read(): Promise<void> {
    this.isStale = true
    this.reading ??= this.readUntilFresh().finally(() => (this.reading = undefined))
    return this.reading
  }

  private async readUntilFresh(): Promise<void> {
    while (this.isStale && !this.isStopped) {
      this.isStale = false
      try {
        const { definitions, errors } = await readModelFolder(this.folder)
        if (this.isStopped) return
        this.lastFault = ''
        this.options.onModel(modelWith(definitions))
        for (const error of errors) this.options.onError(error)
      } catch (error) {
        this.fault(asFileError(this.folder, error))
      }
    }
  }

  private fault(error: ModelFileError): void {
    if (this.isStopped) return
    // The watcher of a deleted folder does not notice when the folder is created again.
    this.reopen()
    if (this.lastFault === error.message) return
    this.lastFault = error.message
    this.options.onError(error)
  }
}
