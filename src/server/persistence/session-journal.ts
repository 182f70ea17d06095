import type { DtlsSession, DtlsSessionStore } from '../../dtls/sessions/session'
import type { Store } from '../../storage/store'
import { decodePlain, encodePlain } from './plain-cbor'

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
      try {
        yield decodePlain(value) as DtlsSession
      } catch {
        // Of a form that only another version reads: the device makes a new session.
      }
    }
  }

  save(session: DtlsSession): Promise<void> {
    return this.store.put(this.keyOf(session.id), encodePlain(session))
  }

  remove(id: Uint8Array): Promise<void> {
    return this.store.delete(this.keyOf(id))
  }

  private keyOf(id: Uint8Array): string {
    return this.prefix + Buffer.from(id).toString('hex')
  }
}
