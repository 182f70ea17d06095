import type { Clock } from '../base/clock'
import type { DtlsCredentials } from './credentials'
import type { DtlsSessionStore } from './sessions/session'

/** Settings of a DTLS server. Times are in milliseconds, sizes in bytes. */
export interface DtlsSettings {
  /** Suite numbers, most preferred first (see `suites.ts`). Default: all, AEAD before CBC. */
  readonly suites?: readonly number[]
  /**
   * Reject clients without extended master secret (RFC 7627). Default false: constrained clients
   * lack it.
   */
  readonly requireExtendedMasterSecret?: boolean
  /** Reject CBC suites without encrypt-then-MAC (RFC 7366). Default false. */
  readonly requireEncryptThenMac?: boolean
  /** Length of our own Connection IDs (RFC 9146): 8 to 20, or 0 to disable them. Default 8. */
  readonly connectionIdLength?: number
  /**
   * Time to the first retransmission of a flight; doubles each time. Default 1000 (RFC 6347
   * §4.2.4.1).
   */
  readonly retransmitTimeout?: number
  /** Maximum time between retransmissions. Default 60,000. */
  readonly maxRetransmitTimeout?: number
  /**
   * Time from a verified cookie to the client's Finished; then all state is dropped. Default
   * 60,000.
   */
  readonly handshakeTimeout?: number
  /**
   * The same for handshakes that start while three quarters of `maxHalfOpen` are in progress.
   * Default 15,000; never longer than `handshakeTimeout`.
   */
  readonly crowdedHandshakeTimeout?: number
  /**
   * Maximum number of handshakes in progress. Default 2000. Beyond it a new one evicts the oldest
   * of the address that has the most (or of the IPv4 /24, IPv6 /56 or /48 with more than a multiple
   * of that).
   */
  readonly maxHalfOpen?: number
  /**
   * The same per IPv4 address or IPv6 /64, where a new one evicts the oldest of that address.
   * Default 500 (many devices are behind a carrier's NAT).
   */
  readonly maxHalfOpenPerAddress?: number
  /** Maximum number of concurrent credential lookups; others are queued. Default 64. */
  readonly maxLookups?: number
  /**
   * Maximum number of established associations; beyond it the longest idle unpinned one is evicted.
   * Default 100,000.
   */
  readonly maxAssociations?: number
  /**
   * Maximum number of sessions kept for resumption; the oldest are dropped first. Default 100,000;
   * 0 disables resumption.
   */
  readonly maxSessions?: number
  /** Time during which a session can be resumed. Default 86,400,000 (24 hours, RFC 5246 §F.1.4). */
  readonly sessionLifetime?: number
  /**
   * Maximum size of a datagram of a handshake flight. Default 1232 (minimum MTU of IPv6 less
   * headers).
   */
  readonly mtu?: number
  /**
   * Time for which a cookie secret is used; the previous one stays valid as long. Default 300,000.
   */
  readonly cookieLifetime?: number
  /**
   * Number of records failing authentication after which an association is ended. Default 2^20 (RFC
   * 9147 §4.5.3 requires a limit).
   */
  readonly maxForgeries?: number
  /** Maximum number of certificates in a client's chain, including the leaf. Default 4. */
  readonly maxChainLength?: number
  /**
   * Stores sessions across restarts.
   * @internal
   */
  readonly sessions?: DtlsSessionStore
}

export interface DtlsEndpointOptions extends DtlsSettings {
  /** Answer ClientHellos. Default true; false for an endpoint that only connects. */
  readonly accept?: boolean
  readonly credentials: DtlsCredentials
  /** Sends a datagram without waiting; addresses are in the form in which they were received. */
  readonly output: (datagram: Uint8Array, wireAddress: string, port: number) => void
  readonly clock?: Clock
}
