import type { DtlsIdentity } from '../identity'

/** Bytes of a master secret (RFC 5246 §8.1). */
export const MASTER_SECRET_LENGTH = 48

/**
 * The state of a handshake that is needed to resume it by its session id (RFC 5246 §7.3, RFC 7627
 * §5.3).
 */
export interface DtlsSession {
  /** 32 random bytes. */
  readonly id: Uint8Array
  /** 48 bytes. Secret. */
  readonly masterSecret: Uint8Array
  /** Cipher suite number. */
  readonly suite: number
  readonly identity: DtlsIdentity
  /**
   * Binds the session to the PSK with which it was made: HMAC-SHA256(masterSecret, psk). Empty
   * without PSK.
   */
  readonly credentialCheck: Uint8Array
  /**
   * X.509: DER of the certificates above the leaf that led to the trust anchor; they are verified
   * again when the session is resumed. Empty for other credentials, and if the leaf itself is
   * trusted.
   */
  readonly chain: readonly Uint8Array[]
  /** Wall-clock time in ms at which the session, or its certificate if that is earlier, expires. */
  readonly expiresAt: number
}

/**
 * Stores sessions so that clients can resume them after a restart. Its content is secret. Methods
 * may throw or reject: this is counted (`sessionStoreErrors`) and affects no handshake.
 */
export interface DtlsSessionStore {
  /** All stored sessions; called once at the start. */
  load(): Iterable<DtlsSession> | AsyncIterable<DtlsSession>
  save(session: DtlsSession): void | Promise<void>
  remove(id: Uint8Array): void | Promise<void>
}
