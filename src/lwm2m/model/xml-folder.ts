/** The user's own object definitions: a folder of OMA XML files that may change at any time. */
import { watch as watchFolder } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../base/clock'
import { Scheduler, type Timer } from '../../base/scheduler'
import type { ObjectDefinition, ObjectModel } from './definition'
import { modelWith } from './object-model'
import { MAX_FILE, ModelFileError, type ModelFiles, parseModelXml } from './xml'

/** Files read from one folder. */
const MAX_FILES = 2000
/** Milliseconds of quiet before changed files are read: editors write in several steps. */
const SETTLE = 200
/** Milliseconds between looks at a folder that cannot be watched (it is not there yet). */
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
 * Reads every `*.xml` of a folder in order of name. A file or a resource that is malformed is named in
 * `errors` and skipped; the rest count. Of two definitions of one version the later file's counts.
 * @throws ModelFileError the folder cannot be read
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

/** Watches a folder: calls `onChange` whenever something in it changed. @throws where it cannot */
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
  /** The model after each reading: the built-in one with the folder's definitions over it. */
  readonly onModel: (model: ObjectModel) => void
  /** What could not be read; everything else was. */
  readonly onError: (error: ModelFileError) => void
  readonly clock?: Clock
  /** Default: `fs.watch`. */
  readonly watch?: WatchFolder
}

/** Keeps an object model in step with a folder of OMA XML files. */
export class ModelFolder {
  private readonly scheduler: Scheduler
  private readonly watch: WatchFolder
  private watcher: { close(): void } | undefined
  private timer: Timer | undefined
  private reading: Promise<void> | undefined
  private isStale = false
  private isStopped = true
  /** A folder that is missing is reported once, not at every look. */
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

  /** Reads the folder once, then again whenever it changes. Resolves after the first reading. */
  async start(): Promise<void> {
    if (!this.isStopped) return
    this.isStopped = false
    // Watch first: nothing that changes while it is read is missed.
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
      // The reading says what is wrong with the folder; it may come into being later.
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

  /** One reading at a time; a change during one is followed by another. */
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
    // The watcher of a folder that was deleted stays silent when the folder comes back.
    this.reopen()
    if (this.lastFault === error.message) return
    this.lastFault = error.message
    this.options.onError(error)
  }
}
