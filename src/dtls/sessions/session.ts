import type { DtlsIdentity } from '../identity'

/** Bytes of a master secret (RFC 5246 §8.1). */
export const MASTER_SECRET_LENGTH = 48

/** What is kept of a handshake to resume it by its session id (RFC 5246 §7.3, RFC 7627 §5.3). */
export interface DtlsSession {
  /** 32 random bytes. */
  readonly id: Uint8Array
  /** 48 bytes. Secret. */
  readonly masterSecret: Uint8Array
  /** Cipher suite number. */
  readonly suite: number
  readonly identity: DtlsIdentity
  /** Binds the session to the very PSK it was made with: HMAC-SHA256(masterSecret, psk). Empty without PSK. */
  readonly credentialCheck: Uint8Array
  /**
   * X.509: DER of the certificates above the leaf that led to the trust anchor; they are judged anew when
   * the session is resumed. Empty for others, and where the leaf itself is what was trusted.
   */
  readonly chain: readonly Uint8Array[]
  /** Wall-clock ms; the end of the session's lifetime, or of the certificate if that is sooner. */
  readonly expiresAt: number
}

/**
 * Keeps sessions so that clients can resume them after a restart. What is kept is secret. Methods may
 * throw or reject: it is counted (`sessionStoreErrors`) and harms no handshake.
 */
export interface DtlsSessionStore {
  /** All sessions kept; called once at the start. */
  load(): Iterable<DtlsSession> | AsyncIterable<DtlsSession>
  save(session: DtlsSession): void | Promise<void>
  remove(id: Uint8Array): void | Promise<void>
}
