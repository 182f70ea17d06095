import { CodedError } from '../base/coded-error'

/** The identity of a peer, as far as the transport's security has verified it. */
export type PeerIdentity =
  | { readonly kind: 'none' }
  /** `identity` is the raw PSK identity (RFC 4279 §5.1), compared byte by byte. */
  | { readonly kind: 'psk'; readonly identity: Uint8Array }
  /** `publicKey` is the DER SubjectPublicKeyInfo (RFC 7250). */
  | { readonly kind: 'rpk'; readonly publicKey: Uint8Array }
  /**
   * A verified client certificate; `certificate` is its DER, `names` its Common Name and DNS/URI
   * SANs.
   */
  | {
      readonly kind: 'x509'
      readonly subject: string
      readonly commonName: string | undefined
      readonly names: readonly string[]
      readonly certificate: Uint8Array
    }

/**
 * The identity of a peer without security. One shared object, because there are many such peers.
 */
export const NO_IDENTITY: PeerIdentity = Object.freeze({ kind: 'none' })

/**
 * The other side of a transport, independent of its address. Over UDP a peer is its address: one
 * `Peer` object per address and port. Over DTLS it is the security association, whose address may
 * change (Connection ID, RFC 9146) while the `Peer` stays the same object.
 */
export interface Peer {
  /** Stable and unique within the process, e.g. `udp:192.0.2.1:5683` or `dtls:42`. */
  readonly id: string
  readonly identity: PeerIdentity
  /** Literal address; IPv4-mapped IPv6 addresses are written as IPv4. */
  readonly address: string
  readonly port: number
  readonly secure: boolean
}

/** The URI scheme of a transport (RFC 7252 §6). */
export type Scheme = 'coap' | 'coaps'

/** The URI scheme of the transport of a peer. */
export function schemeOf(peer: Pick<Peer, 'secure'>): Scheme {
  return peer.secure ? 'coaps' : 'coap'
}

/** The address to which a transport is bound. */
export interface BoundAddress {
  readonly address: string
  readonly port: number
}

/** The port could not be bound. `code` is Node's (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …). */
export class BindError extends CodedError {}

/** The peer cannot be reached any more: its association was closed, removed or replaced. */
export class PeerGone extends CodedError {
  constructor(
    readonly peer: Peer,
    message = `the connection to ${peer.id} is gone`,
  ) {
    super('peer-gone', message)
  }
}

/**
 * Sends and receives datagrams of peers. All upper layers use only this interface, so that UDP,
 * DTLS (and later TCP) are interchangeable.
 */
export interface Transport {
  readonly scheme: Scheme
  /** The largest datagram accepted by `send`, in bytes. */
  readonly maxDatagram: number
  /**
   * The most bytes that `send` to this peer should carry, if that depends on the peer: on the
   * record size that it negotiated and on the datagram size of its path. Default
   * {@link maxDatagram}.
   */
  maxDatagramFor?(peer: Peer): number

  /** Called for each datagram; the receiver owns the bytes. Set it before `start`. */
  onMessage: (peer: Peer, datagram: Buffer) => void
  /** Called when a peer is gone (DTLS association closed or removed; not on ICMP unreachable). */
  onPeerGone: (peer: Peer, reason: string) => void
  /**
   * Called with something an operator should know that fails no exchange by itself (an ICMP error,
   * …).
   */
  onWarning: (message: string, peer?: Peer) => void

  /** Binds the port. @throws BindError */
  start(): Promise<BoundAddress>
  /**
   * Ends every association and closes the port. Resolves when the port can be bound again.
   * Idempotent.
   */
  stop(): Promise<void>
  /** Sends a datagram without waiting. @throws PeerGone if the association of `peer` has ended */
  send(peer: Peer, datagram: Uint8Array): void
  /**
   * Returns the peer at an address, to send the first message: over UDP at once; over DTLS client
   * transports after a handshake.
   * @throws CodedError `handshake-timeout`, `handshake-failed` or `unresolvable` (the host name)
   */
  connect(host: string, port: number): Promise<Peer>
  /** Sets whether a peer is registered: a pinned peer is not evicted. */
  pin(peer: Peer, pinned: boolean): void
  /** Closes the association of a peer (DTLS: close_notify). Over UDP the peer is only forgotten. */
  close(peer: Peer, reason: string): void
}

/** A key for maps and stores: equal exactly for equal identities. */
export function identityKey(identity: PeerIdentity): string {
  switch (identity.kind) {
    case 'none':
      return 'none'
    case 'psk':
      return `psk:${Buffer.from(identity.identity).toString('hex')}`
    case 'rpk':
      return `rpk:${Buffer.from(identity.publicKey).toString('hex')}`
    case 'x509':
      // Certificates with the same subject may belong to many devices that differ in their
      // alternative names.
      return `x509:${[identity.subject, ...identity.names].join('\n')}`
  }
}

/** Description for messages: `PSK identity "dev1"`, `X.509 CN=dev1`, … Never contains secrets. */
export function describeIdentity(identity: PeerIdentity): string {
  switch (identity.kind) {
    case 'none':
      return 'no security'
    case 'psk':
      return `PSK identity ${JSON.stringify(Buffer.from(identity.identity).toString('utf8'))}`
    case 'rpk':
      return 'raw public key'
    case 'x509':
      return `X.509 ${identity.subject.replaceAll('\n', ', ')}`
  }
}
