import type { KeyObject, X509Certificate } from 'node:crypto'
import type { DtlsIdentity, RemoteAddress } from './identity'

/** The server's own P-256 key pair; see `loadServerKey` in `server-key.ts`, which validates it. */
export interface ServerKey {
  readonly privateKey: KeyObject
  /** DER SubjectPublicKeyInfo, pinned by clients with raw public keys. */
  readonly publicKey: Uint8Array
  /** Leaf first. Without it only clients that accept a raw public key (RFC 7250) can connect. */
  readonly certificateChain?: readonly X509Certificate[]
}

/** A certificate of a peer with the result of its verification. */
export interface PresentedCertificate {
  readonly leaf: X509Certificate
  /** As received, leaf first. */
  readonly chain: readonly X509Certificate[]
  /**
   * Whether the chain leads to a trust anchor and passed every check. A pinned leaf need not be
   * trusted.
   */
  readonly trusted: boolean
  /** Why it is not trusted. */
  readonly reason: string | undefined
  readonly identity: Extract<DtlsIdentity, { kind: 'x509' }>
}

/** How the key or certificate of a peer is verified, in either role. */
export interface PeerCredentials {
  /** Whether a peer's raw public key (DER SubjectPublicKeyInfo, P-256) is known. */
  rawPublicKey?(spki: Uint8Array, from: RemoteAddress): boolean | Promise<boolean>
  /**
   * Whether a peer's certificate is accepted: usually `trusted` and known by name, or pinned.
   * Without this callback every trusted certificate is accepted, if there are trust anchors.
   */
  certificate?(presented: PresentedCertificate, from: RemoteAddress): boolean | Promise<boolean>
  readonly trustAnchors?: readonly X509Certificate[]
}

/**
 * The server's lookups of clients. They may be asynchronous; at most `DtlsEndpointOptions.maxLookups`
 * run at once and each ends with the deadline of its handshake. An error or rejection fails only
 * that handshake. Properties are read at every handshake, so they may change.
 *
 * An omitted lookup disables that authentication method. The same lookups are called when a session
 * is resumed, so that a removed or changed credential invalidates its sessions.
 */
export interface DtlsCredentials extends PeerCredentials {
  /** The key of a PSK identity, 1 to 64 raw bytes; undefined if unknown. */
  psk?(
    identity: Uint8Array,
    from: RemoteAddress,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>
  readonly serverKey?: ServerKey
}
