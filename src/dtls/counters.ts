import type { HandshakeFailureCode } from './errors'

/** Why something received was dropped. */
export type DropReason =
  /** Shorter than its header or its length says. */
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
  /** A hello whose record sequence number or message_seq leaves too few for the answers to it. */
  | 'number-limit'
  /** A sender with `maxHalfOpenPerAddress` handshakes, all of them begun within a second. */
  | 'half-open-limit'
  | 'association-limit'
  | 'early-limit'
  | 'reassembly-limit'
  | 'unexpected'
  | 'internal-error'

/** Counts since the server was made; gauges are current. */
export interface DtlsCounters {
  readonly helloVerifyRequests: number
  /** Handshakes with a verified cookie. */
  readonly handshakesStarted: number
  readonly handshakesCompleted: number
  /** Of the completed ones, abbreviated. */
  readonly resumptions: number
  readonly handshakesFailed: { readonly [code in HandshakeFailureCode]?: number }
  readonly dropped: { readonly [reason in DropReason]?: number }
  /** Flights sent again. */
  readonly retransmissions: number
  /** Associations that moved to another address by Connection ID. */
  readonly addressMoves: number
  /** Associations ended to make room. */
  readonly evictions: number
  readonly sessionStoreErrors: number
  /** Gauges. */
  readonly associations: number
  readonly halfOpen: number
  readonly sessions: number
}
