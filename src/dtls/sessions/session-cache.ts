import { createHash } from 'node:crypto'
import type { Scheduler } from '../../base/scheduler'
import type { DtlsIdentity } from '../identity'
import { SecretSlab } from './secret-slab'
import { type DtlsSession, type DtlsSessionStore, MASTER_SECRET_LENGTH } from './session'

const CHECK_LENGTH = 32
/** One shared object, because there are many sessions. */
const NO_CHAIN: readonly Uint8Array[] = []
/** Number of CA certificates that are searched before another copy is kept. */
const MOST_SHARED = 1000

/** A stored session: its id is the map key, its secrets are in the slab. */
interface Entry {
  readonly slot: number
  readonly hasCheck: boolean
  readonly suite: number
  readonly identity: DtlsIdentity
  readonly chain: readonly Uint8Array[]
  readonly expiresAt: number
}

/** A session id or Connection ID as a map key: one latin1 character per byte. */
export function bytesKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

/** Sessions by id; limited, least recently used evicted first, each with its expiry. */
export class SessionCache {
  /** CA certificates by their hash. */
  private readonly certificates = new Map<string, Uint8Array>()
  /** In order of use. */
  private readonly entries = new Map<string, Entry>()
  private readonly secrets = new SecretSlab(MASTER_SECRET_LENGTH + CHECK_LENGTH)

  constructor(
    private readonly clock: Scheduler,
    private readonly limit: number,
    private readonly store: DtlsSessionStore | undefined,
    private readonly onStoreError: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.entries.size
  }

  /** Loads the sessions of the store. */
  async load(): Promise<void> {
    if (this.store === undefined || this.limit === 0) return
    try {
      for await (const session of this.store.load()) {
        if (this.clock.now() < session.expiresAt) this.remember(session)
        else this.inStore((store) => store.remove(session.id))
      }
    } catch (error) {
      this.onStoreError(error)
    }
  }

  find(id: Uint8Array): DtlsSession | undefined {
    if (id.length === 0) return undefined
    const key = bytesKey(id)
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    if (this.clock.now() < entry.expiresAt) return this.toSession(key, entry)
    this.remove(key)
    return undefined
  }

  add(session: DtlsSession): void {
    if (this.limit === 0) return
    this.remember(session)
    this.inStore((store) => store.save(session))
  }

  /** Marks a session as just used. */
  touch(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  remove(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.secrets.erase(entry.slot)
    this.inStore((store) => store.remove(new Uint8Array(Buffer.from(key, 'latin1'))))
  }

  removeWhere(predicate: (identity: DtlsIdentity) => boolean): void {
    for (const [key, { identity }] of [...this.entries]) if (predicate(identity)) this.remove(key)
  }

  /** The sessions that can be resumed now. */
  *values(): Iterable<DtlsSession> {
    for (const [key, entry] of this.entries) {
      if (this.clock.now() < entry.expiresAt) yield this.toSession(key, entry)
    }
  }

  private toSession(key: string, entry: Entry): DtlsSession {
    const { suite, identity, chain, expiresAt } = entry
    const secrets = this.secrets.copy(entry.slot)
    return {
      id: new Uint8Array(Buffer.from(key, 'latin1')),
      masterSecret: secrets.slice(0, MASTER_SECRET_LENGTH),
      credentialCheck: secrets.slice(
        MASTER_SECRET_LENGTH,
        entry.hasCheck ? undefined : MASTER_SECRET_LENGTH,
      ),
      suite,
      identity,
      chain,
      expiresAt,
    }
  }

  private remember(session: DtlsSession): void {
    const { masterSecret, credentialCheck, suite, identity, expiresAt } = session
    const hasCheck = credentialCheck.length === CHECK_LENGTH
    if (masterSecret.length !== MASTER_SECRET_LENGTH) return
    if (!hasCheck && credentialCheck.length > 0) return
    const key = bytesKey(session.id)
    const known = this.entries.get(key)
    if (known !== undefined) {
      this.entries.delete(key)
      this.secrets.erase(known.slot)
    }
    for (const oldest of this.entries.keys()) {
      if (this.entries.size < this.limit) break
      this.remove(oldest)
    }
    const slot = this.secrets.put([masterSecret, credentialCheck])
    // Sessions stored by an older version have none.
    const sent = session.chain as DtlsSession['chain'] | undefined
    const chain = sent === undefined || sent.length === 0 ? NO_CHAIN : sent.map(this.shared)
    this.entries.set(key, { slot, hasCheck, suite, identity, chain, expiresAt })
  }

  /** Devices of one CA share its certificate: it is kept once. */
  private readonly shared = (certificate: Uint8Array): Uint8Array => {
    const key = createHash('sha256').update(certificate).digest('base64')
    const known = this.certificates.get(key)
    if (known !== undefined) return known
    if (this.certificates.size >= MOST_SHARED) this.certificates.clear()
    this.certificates.set(key, certificate)
    return certificate
  }

  private inStore(act: (store: DtlsSessionStore) => void | Promise<void>): void {
    const { store } = this
    if (store === undefined) return
    // A synchronous error also becomes a rejection.
    const done = Promise.resolve()
      .then(() => act(store))
      .catch((error: unknown) => this.onStoreError(error))
    this.clock.detach('session store', done)
  }
}
