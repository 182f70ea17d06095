import type { HandshakeFailureCode } from './errors'

/** Why a received datagram, record or message was dropped. */
export type DropReason =
  /** Shorter than its header or its length field requires. */
  | 'malformed'
  | 'unknown-type'
  | 'bad-version'
  | 'record-too-large'
  /** No association or handshake at that address, or none in that epoch. */
  | 'no-association'
  | 'unknown-connection-id'
  /** A record without Connection ID although one was negotiated (RFC 9146 §3). */
  | 'connection-id-missing'
  | 'plaintext'
  | 'replayed'
  | 'forged'
  | 'fragmented-hello'
  | 'malformed-hello'
  /**
   * A hello whose record sequence number or message_seq leaves too few numbers for the response.
   */
  | 'number-limit'
  /** A sender with `maxHalfOpenPerAddress` handshakes, all started within one second. */
  | 'half-open-limit'
  | 'association-limit'
  | 'early-limit'
  | 'reassembly-limit'
  | 'unexpected'
  | 'internal-error'

/** Counters since the server was created; gauges are current. */
export interface DtlsCounters {
  readonly helloVerifyRequests: number
  /** Handshakes with a verified cookie. */
  readonly handshakesStarted: number
  readonly handshakesCompleted: number
  /** Abbreviated handshakes among the completed ones. */
  readonly resumptions: number
  readonly handshakesFailed: { readonly [code in HandshakeFailureCode]?: number }
  readonly dropped: { readonly [reason in DropReason]?: number }
  /** Retransmitted flights. */
  readonly retransmissions: number
  /** Associations that moved to another address by Connection ID. */
  readonly addressMoves: number
  /** Associations evicted because of the limit. */
  readonly evictions: number
  readonly sessionStoreErrors: number
  /** Gauges. */
  readonly associations: number
  readonly halfOpen: number
  readonly sessions: number
}
