import { readFile, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { nextTurn } from '../../base/guard'
import type { Scheduler, Timer } from '../../base/scheduler'
import type { Credential } from './credential'
import { CredentialError } from './credential-error'
import { CREDENTIAL_FIELDS, parseCredential } from './credential-input'
import { CsvError, readCsv } from './csv'

/** Largest file read, bytes: some hundred thousand devices. */
const MAX_FILE = 64 * 1024 * 1024
/** Entries read before the event loop has a turn. */
const CHUNK = 200

const TOO_MANY_FIELDS = Symbol('too many fields')

/** What a file says: its good entries, and an error for each other one. */
export interface CredentialFileContent {
  readonly credentials: readonly Credential[]
  readonly problems: readonly CredentialError[]
}

/**
 * Reads a credentials file: CSV with a header line of {@link CREDENTIAL_FIELDS} names (any case), or
 * JSON, an array of objects with these properties.
 * @throws CredentialError `credential-file` when nothing can be made of it as a whole
 */
export async function readCredentialFile(path: string): Promise<CredentialFileContent> {
  const name = basename(path)
  const fail = (why: string, cause?: unknown): CredentialError =>
    new CredentialError('credential-file', name, why, { cause })
  let text: string
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE) throw fail(`it is larger than ${MAX_FILE} bytes`)
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof CredentialError) throw error
    throw fail(`it cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, error)
  }
  const credentials: Credential[] = []
  const problems: CredentialError[] = []
  let count = 0
  const entries = extname(path).toLowerCase() === '.csv' ? csvEntries : jsonEntries
  try {
    for (const [where, entry] of entries(text, name)) {
      try {
        // Mostly an unquoted comma: the rest of the line would be misread.
        if (entry === TOO_MANY_FIELDS) {
          throw new CredentialError(
            'invalid-credential',
            where,
            'it has more fields than the header',
          )
        }
        credentials.push(parseCredential(entry, where, 'file'))
      } catch (error) {
        if (!(error instanceof CredentialError)) throw error
        problems.push(error)
      }
      if (++count % CHUNK === 0) await nextTurn()
    }
  } catch (error) {
    // Never the parser's own message: JSON.parse quotes the text, and that may be a key.
    throw error instanceof CredentialError
      ? error
      : fail(error instanceof CsvError ? error.message : 'it is not valid JSON')
  }
  return { credentials, problems }
}

function* csvEntries(text: string, name: string): Generator<[where: string, entry: unknown]> {
  let columns: string[] | undefined
  for (const { line, fields } of readCsv(text)) {
    if (columns === undefined) {
      columns = fields.map((field) => columnName(field, name))
      if (!columns.includes('endpoint')) {
        throw new CredentialError(
          'credential-file',
          name,
          'its first line has no column "endpoint"',
        )
      }
      continue
    }
    const entry = Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? '']))
    const where = `line ${line} of ${name}`
    yield [where, fields.length > columns.length ? TOO_MANY_FIELDS : entry]
  }
}

function columnName(field: string, file: string): string {
  const wanted = field.trim().toLowerCase()
  const found = CREDENTIAL_FIELDS.find((known) => known.toLowerCase() === wanted)
  if (found === undefined) {
    throw new CredentialError(
      'credential-file',
      file,
      `its column ${JSON.stringify(field.slice(0, 40))} must be one of ${CREDENTIAL_FIELDS.join(', ')}`,
    )
  }
  return found
}

function* jsonEntries(text: string, name: string): Generator<[where: string, entry: unknown]> {
  const parsed: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
  if (!Array.isArray(parsed)) {
    throw new CredentialError('credential-file', name, 'it is not a JSON array of credentials')
  }
  for (const [i, entry] of parsed.entries()) yield [`entry ${i + 1} of ${name}`, entry]
}

/**
 * Notices that a file was changed by looking at it every other second: works with every editor, with
 * files that are replaced instead of written, and on network drives, where change events do not.
 */
export class FileWatch {
  private timer: Timer | undefined
  private seen = ''
  private stopped = false

  constructor(
    private readonly path: string,
    private readonly clock: Scheduler,
    private readonly onChange: () => Promise<void>,
    /** Milliseconds. */
    private readonly interval = 2000,
  ) {}

  /** Takes the file as it is now for known, and begins to look. */
  async start(): Promise<void> {
    this.seen = await this.look()
    this.arm()
  }

  stop(): void {
    this.stopped = true
    this.clock.cancel(this.timer)
  }

  private arm(): void {
    if (this.stopped) return
    this.timer = this.clock.after(this.interval, () => this.check().finally(() => this.arm()))
  }

  private async check(): Promise<void> {
    const now = await this.look()
    if (now === this.seen || this.stopped) return
    this.seen = now
    await this.onChange()
  }

  private async look(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.path)
      return `${mtimeMs} ${size} ${ino}`
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'failed'
    }
  }
}
