import type { Clock } from '../base/clock'
import type { DtlsCredentials } from './credentials'
import type { DtlsSessionStore } from './sessions/session'

/** Settings of a DTLS server. Times are milliseconds, sizes bytes. */
export interface DtlsSettings {
  /** Suite numbers, most wanted first (see `suites.ts`). Default: all, AEAD before CBC. */
  readonly suites?: readonly number[]
  /** Refuse clients without extended master secret (RFC 7627). Default false: constrained clients lack it. */
  readonly requireExtendedMasterSecret?: boolean
  /** Refuse CBC suites without encrypt-then-MAC (RFC 7366). Default false. */
  readonly requireEncryptThenMac?: boolean
  /** Length of our own Connection IDs (RFC 9146): 8 to 20, or 0 to not use them. Default 8. */
  readonly connectionIdLength?: number
  /** Wait before the first retransmission of a flight; doubles each time. Default 1000 (RFC 6347 §4.2.4.1). */
  readonly retransmitTimeout?: number
  /** The longest wait between retransmissions. Default 60,000. */
  readonly maxRetransmitTimeout?: number
  /** From a verified cookie to the client's Finished; then all state is freed. Default 60,000. */
  readonly handshakeTimeout?: number
  /**
   * The same for handshakes that begin while three quarters of `maxHalfOpen` are in progress. Default
   * 15,000; never longer than `handshakeTimeout`.
   */
  readonly crowdedHandshakeTimeout?: number
  /**
   * Handshakes in progress, in all. Default 2000. A further one takes the place of the oldest of the
   * address that has most (or of the IPv4 /24, IPv6 /56 or /48 with more than a multiple of that).
   */
  readonly maxHalfOpen?: number
  /**
   * The same from one IPv4 address or IPv6 /64, where a further one takes the place of its oldest.
   * Default 500 (a carrier's NAT has many devices).
   */
  readonly maxHalfOpenPerAddress?: number
  /** Credential look-ups at once; others wait in line. Default 64. */
  readonly maxLookups?: number
  /** Established associations; the longest silent that nobody pinned makes room. Default 100,000. */
  readonly maxAssociations?: number
  /** Sessions kept for resumption; the oldest go first. Default 100,000; 0 turns resumption off. */
  readonly maxSessions?: number
  /** How long a session can be resumed. Default 86,400,000 (24 hours, RFC 5246 §F.1.4). */
  readonly sessionLifetime?: number
  /** The largest datagram a handshake flight is packed into. Default 1232 (IPv6's least MTU less headers). */
  readonly mtu?: number
  /** How long a cookie secret is used; the previous one stays valid as long. Default 300,000. */
  readonly cookieLifetime?: number
  /** Records that fail authentication before an association is ended. Default 2^20 (RFC 9147 §4.5.3 asks for a limit). */
  readonly maxForgeries?: number
  /** Certificates in a client's chain, the leaf included. Default 4. */
  readonly maxChainLength?: number
  /**
   * Keeps sessions over a restart.
   * @internal
   */
  readonly sessions?: DtlsSessionStore
}

export interface DtlsServerOptions extends DtlsSettings {
  /** Answer ClientHellos. Default true; false for what only connects. */
  readonly accept?: boolean
  readonly credentials: DtlsCredentials
  /** Puts a datagram on the wire, without waiting; addresses are written as they were received. */
  readonly output: (datagram: Uint8Array, wireAddress: string, port: number) => void
  readonly clock?: Clock
}
