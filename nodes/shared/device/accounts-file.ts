import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AccountsStore } from '../../../src/client'

/**
 * Keeps what a bootstrap wrote to a virtual device in a file of its own, readable by its owner only:
 * it contains keys. Replaced as a whole, so that a crash leaves the old or the new one.
 */
export class AccountsFile implements AccountsStore {
  constructor(private readonly path: string) {}

  /** Nothing where the file is another endpoint's: the node was given a new name. */
  async load(endpoint: string): Promise<Uint8Array | undefined> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const kept = parse(bytes)
    // What cannot be read is the caller's to say.
    if (kept === undefined) return bytes
    return kept.endpoint === endpoint ? Buffer.from(kept.accounts, 'base64') : undefined
  }

  async save(endpoint: string, accounts: Uint8Array): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const next = `${this.path}.new`
    const kept: Kept = { endpoint, accounts: Buffer.from(accounts).toString('base64') }
    await writeFile(next, JSON.stringify(kept), { mode: 0o600 })
    await rename(next, this.path)
  }

  /** The device is gone: so are its keys. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
    await rm(`${this.path}.new`, { force: true })
  }
}

interface Kept {
  readonly endpoint: string
  /** Base64. */
  readonly accounts: string
}

function parse(bytes: Buffer): Kept | undefined {
  try {
    const kept = JSON.parse(bytes.toString('utf8')) as Partial<Kept> | null
    const { endpoint, accounts } = kept ?? {}
    return typeof endpoint === 'string' && typeof accounts === 'string'
      ? { endpoint, accounts }
      : undefined
  } catch {
    return undefined
  }
}
