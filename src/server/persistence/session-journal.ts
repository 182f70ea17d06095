import type { DtlsSession, DtlsSessionStore } from '../../dtls/sessions/session'
import { cborOfVersion, hasProperties, RecordType } from '../../storage/record-type'
import { type Store, StoreError } from '../../storage/store'

/**
 * Keeps DTLS sessions, so that devices resume them after a restart instead of a full handshake. They
 * are secret, as the store's folder is.
 */
export class SessionJournal implements DtlsSessionStore {
  private readonly prefix: string

  /** @param service keeps the sessions of several ports apart */
  constructor(
    private readonly store: Store,
    service: string,
  ) {
    this.prefix = `session:${service}:`
  }

  async *load(): AsyncIterable<DtlsSession> {
    for await (const [, value] of this.store.list(this.prefix)) {
      const session = read(value)
      if (session !== undefined) yield session
    }
  }

  save(session: DtlsSession): Promise<void> {
    return this.store.put(this.keyOf(session.id), SESSION_RECORD.encode(session))
  }

  remove(id: Uint8Array): Promise<void> {
    return this.store.delete(this.keyOf(id))
  }

  private keyOf(id: Uint8Array): string {
    return this.prefix + Buffer.from(id).toString('hex')
  }
}

/** Undefined for one that cannot be used: its device makes a full handshake. */
function read(value: Uint8Array): DtlsSession | undefined {
  try {
    return SESSION_RECORD.decode(value)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

const SESSION_RECORD = new RecordType<DtlsSession>({
  what: 'a DTLS session',
  version: 2,
  unversioned: cborOfVersion(1),
  migrations: {
    // The chain of a certificate was not kept: what it proves cannot be judged anew.
    1: ({ trusted, ...rest }: { trusted: boolean; identity: { kind: string } }) => {
      void trusted
      return rest.identity.kind === 'x509' ? undefined : { ...rest, chain: [] }
    },
  },
  isWhole(body): body is DtlsSession {
    return (
      hasProperties(body, {
        id: 'object',
        masterSecret: 'object',
        suite: 'number',
        identity: 'object',
        credentialCheck: 'object',
        chain: 'object',
        expiresAt: 'number',
      }) && hasProperties((body as DtlsSession).identity, { kind: 'string' })
    )
  },
})
