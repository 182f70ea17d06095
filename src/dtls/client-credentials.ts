import type { PeerCredentials, ServerKey } from './credentials'

/**
 * The credentials of a client, and how it verifies the server. A pre-shared key does both; with a
 * key pair (a raw public key, or a certificate if it has a chain) the server is verified by
 * `rawPublicKey`, `certificate` and `trustAnchors`: at least one of them is required.
 *
 * Sessions are resumed only with the same object with which they were made: another credential is
 * another object.
 */
export interface DtlsClientCredentials extends PeerCredentials {
  readonly psk?: {
    /** 1 to 128 bytes. */
    readonly identity: Uint8Array
    /** 1 to 64 bytes. */
    readonly key: Uint8Array
  }
  /** P-256; see `loadServerKey`, which loads and validates a client's key as well. */
  readonly keyPair?: ServerKey
}

/** Settings of one association. Times are in milliseconds. */
export interface ConnectOptions {
  readonly credentials: DtlsClientCredentials
  /**
   * Suite numbers, most preferred first; default: all of the endpoint's that the credentials
   * support.
   */
  readonly suites?: readonly number[]
  /**
   * Connection IDs (RFC 9146): `send` offers to put the server's into our records, `both` asks for
   * ours in its records as well. Default `off`.
   */
  readonly connectionId?: 'off' | 'send' | 'both'
  /** Maximum content of a record in both directions (RFC 6066 §4); default 16,384. */
  readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096
  /** Resume the last session with this server, if there is one. Default true. */
  readonly resume?: boolean
  /** Timeout of the whole handshake; default the endpoint's `handshakeTimeout`. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}
