import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock'
import { isStillAccepted } from './client-authentication'
import type { DtlsCredentials } from './credentials'
import { Alert } from './constants'
import { HandshakeFailure } from './errors'
import type { ClientHello } from './messages/client-hello'
import { isAllowed, type Negotiated } from './negotiation'
import type { Settings } from './settings'
import { findSuite } from './suites'
import type { DtlsIdentity, RemoteAddress } from './identity'
import type { DtlsSession, DtlsSessionStore } from './session'

const NO_CHECK = new Uint8Array(0)

/** Ties a session to the PSK it was made with, without keeping the PSK. */
export function credentialCheck(masterSecret: Uint8Array, psk: Uint8Array | undefined): Uint8Array {
  if (psk === undefined) return NO_CHECK
  return new Uint8Array(createHmac('sha256', masterSecret).update(psk).digest())
}

/** Whether the credential behind a session still is what it was. May throw what a look-up throws. */
export async function isSessionAccepted(
  session: DtlsSession,
  credentials: DtlsCredentials,
  from: RemoteAddress,
): Promise<boolean> {
  const { identity } = session
  if (identity.kind !== 'psk') {
    return isStillAccepted(identity, session.trusted, credentials, from)
  }
  const psk = await credentials.psk?.(identity.identity, from)
  if (psk === undefined) return false
  const check = credentialCheck(session.masterSecret, psk)
  return (
    check.length === session.credentialCheck.length &&
    timingSafeEqual(check, session.credentialCheck)
  )
}

/**
 * What was negotiated, with the session's suite in place of a new one; undefined when the client
 * wants, or is due, a full handshake.
 * @throws HandshakeFailure when it offers the session without extended master secret (RFC 7627 §5.3)
 */
export function resumable(
  session: DtlsSession,
  hello: ClientHello,
  negotiated: Negotiated,
  settings: Settings,
): Negotiated | undefined {
  const { extensions } = hello
  if (!extensions.extendedMasterSecret) {
    throw new HandshakeFailure(
      'extended-master-secret-required',
      'the client resumes a session without extended master secret, with which it was made',
      Alert.handshakeFailure,
    )
  }
  const suite = findSuite(session.suite)
  if (suite === undefined || !hello.suites.includes(suite.number)) return undefined
  if (!settings.suites.includes(suite.number) || !isAllowed(suite, extensions, settings)) {
    return undefined
  }
  const encryptThenMac = extensions.encryptThenMac && suite.protection === 'cbc'
  return { ...negotiated, suite, encryptThenMac }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

/** Sessions by id; bounded, oldest use first out, each with its end. */
export class SessionCache {
  /** In order of use. */
  private readonly sessions = new Map<string, DtlsSession>()

  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly store: DtlsSessionStore | undefined,
    private readonly onStoreError: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.sessions.size
  }

  /** Takes over what the store kept. */
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
    const session = this.sessions.get(keyOf(id))
    if (session === undefined) return undefined
    if (this.clock.now() >= session.expiresAt) {
      this.remove(id)
      return undefined
    }
    return session
  }

  add(session: DtlsSession): void {
    if (this.limit === 0) return
    this.remember(session)
    this.inStore((store) => store.save(session))
  }

  /** Marks a session as just used. */
  touch(session: DtlsSession): void {
    const key = keyOf(session.id)
    if (this.sessions.delete(key)) this.sessions.set(key, session)
  }

  remove(id: Uint8Array): void {
    if (this.sessions.delete(keyOf(id))) this.inStore((store) => store.remove(id))
  }

  removeWhere(predicate: (identity: DtlsIdentity) => boolean): void {
    for (const session of [...this.sessions.values()]) {
      if (predicate(session.identity)) this.remove(session.id)
    }
  }

  values(): Iterable<DtlsSession> {
    return this.sessions.values()
  }

  private remember(session: DtlsSession): void {
    for (const [, oldest] of this.sessions) {
      if (this.sessions.size < this.limit) break
      this.remove(oldest.id)
    }
    this.sessions.set(keyOf(session.id), session)
  }

  private inStore(act: (store: DtlsSessionStore) => void | Promise<void>): void {
    const { store } = this
    if (store === undefined) return
    // Also what it throws at once becomes a rejection.
    Promise.resolve()
      .then(() => act(store))
      .catch((error: unknown) => this.onStoreError(error))
  }
}
