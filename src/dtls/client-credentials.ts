import type { PeerCredentials, ServerKey } from './credentials'

/**
 * What a client shows for itself, and how it judges the server. A pre-shared key does both; with a key
 * pair (a raw public key, or a certificate where it has a chain) the server is judged by
 * `rawPublicKey`, `certificate` and `trustAnchors`: at least one of them must be there.
 *
 * Sessions are resumed with the very object that they were made with: another credential is another
 * object.
 */
export interface DtlsClientCredentials extends PeerCredentials {
  readonly psk?: {
    /** 1 to 128 bytes. */
    readonly identity: Uint8Array
    /** 1 to 64 bytes. */
    readonly key: Uint8Array
  }
  /** P-256; see `loadServerKey`, which loads and checks a client's as well. */
  readonly keyPair?: ServerKey
}

/** How one association is wanted. Times are milliseconds. */
export interface ConnectOptions {
  readonly credentials: DtlsClientCredentials
  /** Suite numbers, most wanted first; default: all of the endpoint's that the credentials can serve. */
  readonly suites?: readonly number[]
  /**
   * Connection IDs (RFC 9146): `send` offers to put the server's into our records, `both` asks for ours
   * in its records as well. Default `off`.
   */
  readonly connectionId?: 'off' | 'send' | 'both'
  /** The most content of a record in both directions (RFC 6066 §4); default 16,384. */
  readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096
  /** Resume the last session with this server, if there is one. Default true. */
  readonly resume?: boolean
  /** For the whole handshake; default the endpoint's `handshakeTimeout`. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}
