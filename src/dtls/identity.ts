/**
 * Who a handshake proved the peer to be. The same shape as the transport's `PeerIdentity`, which
 * this floor does not know.
 */
export type DtlsIdentity =
  /** The raw PSK identity (RFC 4279 §5.1), compared byte by byte. */
  | { readonly kind: 'psk'; readonly identity: Uint8Array }
  /** The DER SubjectPublicKeyInfo (RFC 7250 §3). */
  | { readonly kind: 'rpk'; readonly publicKey: Uint8Array }
  /** A verified client certificate; `names` are its Common Name and its DNS and URI SANs. */
  | {
      readonly kind: 'x509'
      readonly subject: string
      readonly commonName: string | undefined
      readonly names: readonly string[]
      /** The leaf's DER. */
      readonly certificate: Uint8Array
    }

/** The part that one end plays in a handshake. */
export type Role = 'client' | 'server'

/** Where a peer is, as shown: IPv4-mapped IPv6 addresses are written as IPv4. */
export interface RemoteAddress {
  readonly address: string
  readonly port: number
}

/** Where a datagram came from and goes to, in the socket's own writing: it is never taken apart here. */
export interface WireAddress {
  readonly wireAddress: string
  readonly port: number
}
