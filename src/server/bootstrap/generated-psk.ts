import { randomBytes } from 'node:crypto'
import type { CredentialStore } from '../credentials/credential-store'
import { CredentialError } from '../credentials/credential-error'
import { MAX_IDENTITY } from '../credentials/credential-input'
import type { PskMaterial } from './account-records'
import type { ResolvedConfiguration } from './resolved-configuration'

/** Bytes of a generated key: what the AES-128 suites can use, and every device can hold. */
const KEY_BYTES = 16
/** Tries at an identity that nobody has; one would do, but for a hand-made collision. */
const TRIES = 4

/** A key made for one account, already good at this server. */
export interface GeneratedPsk extends PskMaterial {
  readonly shortServerId: number
  /** Of the credential. */
  readonly id: string
}

/**
 * Makes and keeps the keys of all accounts with `createCredential`. They are good here before the
 * device gets to know them: however a session or the process ends, the device's key is never one that
 * this server does not have. Each has an identity of its own, so that the device's former key stays
 * good beside it until the new one is known to have arrived.
 * @returns by short server id
 * @throws CredentialError, StoreError
 */
export async function generatePsks(
  configuration: ResolvedConfiguration,
  credentials: CredentialStore | undefined,
): Promise<Map<number, GeneratedPsk>> {
  const generated = new Map<number, GeneratedPsk>()
  for (const { createCredential, shortServerId } of configuration.accounts) {
    if (!createCredential) continue
    if (credentials === undefined) throw new Error('a server without credentials cannot create any')
    generated.set(shortServerId, await generate(configuration.endpoint, shortServerId, credentials))
  }
  return generated
}

async function generate(
  endpoint: string,
  shortServerId: number,
  credentials: CredentialStore,
): Promise<GeneratedPsk> {
  for (let attempt = 1; ; attempt++) {
    const identity = newIdentity(endpoint)
    const key = randomBytes(KEY_BYTES)
    try {
      const { id } = await credentials.addGenerated(endpoint, identity, key)
      return { shortServerId, id, identity, key }
    } catch (error) {
      const taken = error instanceof CredentialError && error.code === 'duplicate-identity'
      if (!taken || attempt === TRIES) throw error
    }
  }
}

/** The endpoint name with something random, or only that where the name is too long. */
function newIdentity(endpoint: string): Buffer {
  const identity = Buffer.from(`${endpoint}-${randomBytes(4).toString('hex')}`)
  return identity.length <= MAX_IDENTITY ? identity : Buffer.from(randomBytes(16).toString('hex'))
}
