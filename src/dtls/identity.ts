/**
 * The identity of a peer as verified by a handshake. The same shape as the transport's
 * `PeerIdentity`, which this layer must not import.
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

/** The role of one end in a handshake. */
export type Role = 'client' | 'server'

/** The address of a peer for display: IPv4-mapped IPv6 addresses are written as IPv4. */
export interface RemoteAddress {
  readonly address: string
  readonly port: number
}

/** Source or destination of a datagram in the form of the socket; never parsed here. */
export interface WireAddress {
  readonly wireAddress: string
  readonly port: number
}
