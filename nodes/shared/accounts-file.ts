import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AccountsStore } from '../../src/client/types'

/**
 * Keeps what a bootstrap wrote to a virtual device in a file of its own, readable by its owner only:
 * it contains keys. Replaced as a whole, so that a crash leaves the old or the new one.
 */
export class AccountsFile implements AccountsStore {
  constructor(private readonly path: string) {}

  async load(): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async save(_endpoint: string, accounts: Uint8Array): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const next = `${this.path}.new`
    await writeFile(next, accounts, { mode: 0o600 })
    await rename(next, this.path)
  }
}
