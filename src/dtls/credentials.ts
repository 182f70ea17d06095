import type { KeyObject, X509Certificate } from 'node:crypto'
import type { DtlsIdentity, RemoteAddress } from './identity'

/** The server's own P-256 key pair; see `loadServerKey` in `server-key.ts`, which checks it. */
export interface ServerKey {
  readonly privateKey: KeyObject
  /** DER SubjectPublicKeyInfo: what a client with raw public keys pins. */
  readonly publicKey: Uint8Array
  /** Leaf first. Without one only clients that accept a raw public key (RFC 7250) are served. */
  readonly certificateChain?: readonly X509Certificate[]
}

/** A peer's certificate as it is judged. */
export interface PresentedCertificate {
  readonly leaf: X509Certificate
  /** As sent, leaf first. */
  readonly chain: readonly X509Certificate[]
  /** Whether the chain leads to a trust anchor, every check passed. A pinned leaf need not be trusted. */
  readonly trusted: boolean
  /** Why it is not trusted. */
  readonly reason: string | undefined
  readonly identity: Extract<DtlsIdentity, { kind: 'x509' }>
}

/** How the key or certificate of a peer is judged, in either role. */
export interface PeerCredentials {
  /** Whether a peer's raw public key (DER SubjectPublicKeyInfo, P-256) is known. */
  rawPublicKey?(spki: Uint8Array, from: RemoteAddress): boolean | Promise<boolean>
  /**
   * Whether a peer's certificate is accepted: usually `trusted` and known by name, or pinned. Without
   * this look-up every trusted certificate is, if there are trust anchors.
   */
  certificate?(presented: PresentedCertificate, from: RemoteAddress): boolean | Promise<boolean>
  readonly trustAnchors?: readonly X509Certificate[]
}

/**
 * Where the server looks up who may connect. Look-ups may be asynchronous; at most
 * `DtlsServerOptions.maxLookups` run at once and each ends with its handshake's deadline. What throws
 * or rejects fails that one handshake. Properties are read at every handshake, so they may change.
 *
 * A look-up left out turns that way of authentication off. The same look-ups are asked again when a
 * session is resumed, so a removed or changed credential does not live on in a session.
 */
export interface DtlsCredentials extends PeerCredentials {
  /** The key of a PSK identity, 1 to 64 raw bytes; undefined when unknown. */
  psk?(
    identity: Uint8Array,
    from: RemoteAddress,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>
  readonly serverKey?: ServerKey
}
