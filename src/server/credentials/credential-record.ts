import { hasProperties, RecordType } from '../../storage/record-type'
import type { StoreChange } from '../../storage/store'
import { Credential, type CredentialProof } from './credential'
import { CredentialError } from './credential-error'

/** Where run-time credentials are kept in the store. */
export const CREDENTIAL_PREFIX = 'credential:'

interface StoredCredential {
  readonly endpoint: string
  readonly use: 'server' | 'bootstrap'
  readonly mode: 'psk' | 'rpk' | 'x509'
  readonly identity?: string
  readonly key?: string
  readonly publicKey?: string
  readonly certificate?: string
  readonly name?: string
  readonly generated?: true
  readonly confirmed?: true
  readonly addedAt?: number
}

/** Once written as JSON. */
const CREDENTIAL_RECORD = new RecordType<StoredCredential>({
  what: 'a credential',
  version: 1,
  unversioned: (bytes) => ({ version: 1, body: JSON.parse(Buffer.from(bytes).toString()) }),
  isWhole: (body): body is StoredCredential =>
    hasProperties(body, { endpoint: 'string', use: 'string', mode: 'string' }),
})

/** The store's form of a credential, with its bytes in base64. Secret. */
export function storedCredential(credential: Credential): Uint8Array {
  const stored: StoredCredential = {
    endpoint: credential.endpoint,
    use: credential.use,
    mode: credential.mode,
    ...storedProof(credential.proof),
    ...(credential.generated ? { generated: true } : {}),
    ...(credential.confirmed ? { confirmed: true } : {}),
    ...(credential.origin.addedAt === undefined ? {} : { addedAt: credential.origin.addedAt }),
  }
  return CREDENTIAL_RECORD.encode(stored)
}

/** What the store is told when credentials come and go: all of it, or nothing. */
export function storeChanges(
  added: readonly Credential[],
  removed: readonly Credential[],
): StoreChange[] {
  return [
    ...removed.map(({ id }): StoreChange => ({ type: 'delete', key: CREDENTIAL_PREFIX + id })),
    ...added.map((one): StoreChange => ({
      type: 'put',
      key: CREDENTIAL_PREFIX + one.id,
      value: storedCredential(one),
    })),
  ]
}

function storedProof(proof: CredentialProof): Partial<StoredCredential> {
  const base64 = (bytes: Buffer): string => bytes.toString('base64')
  switch (proof.mode) {
    case 'psk':
      return { identity: base64(proof.identity), key: base64(proof.key) }
    case 'rpk':
      return { publicKey: base64(proof.publicKey) }
    case 'x509':
      return 'name' in proof ? { name: proof.name } : { certificate: base64(proof.certificate) }
  }
}

/** Reads what {@link storedCredential} wrote. @throws CredentialError, StoreError `store-newer` */
export function restoreCredential(id: string, value: Uint8Array): Credential {
  const where = `stored credential ${id}`
  const stored = CREDENTIAL_RECORD.decode(value)
  if (stored === undefined) {
    throw new CredentialError('invalid-credential', where, 'it cannot be read')
  }
  return new Credential(id, stored.endpoint, stored.use, restoreProof(stored, where), {
    source: 'runtime',
    label: `${where} (endpoint ${JSON.stringify(stored.endpoint)})`,
    generated: stored.generated ?? false,
    confirmed: stored.confirmed ?? false,
    ...(stored.addedAt === undefined ? {} : { addedAt: stored.addedAt }),
  })
}

function restoreProof(stored: StoredCredential, where: string): CredentialProof {
  const { mode, identity, key, publicKey, certificate, name } = stored
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  if (mode === 'psk' && identity !== undefined && key !== undefined) {
    return { mode, identity: bytes(identity), key: bytes(key) }
  }
  if (mode === 'rpk' && publicKey !== undefined) return { mode, publicKey: bytes(publicKey) }
  if (mode === 'x509' && certificate !== undefined) {
    return { mode, certificate: bytes(certificate) }
  }
  if (mode === 'x509' && name !== undefined) return { mode, name }
  throw new CredentialError('invalid-credential', where, 'it is incomplete')
}
