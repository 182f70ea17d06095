import { CodedError } from '../base/coded-error'

/** Who is at the other end, as far as the transport's security proved it. */
export type PeerIdentity =
  | { readonly kind: 'none' }
  /** `identity` is the raw PSK identity (RFC 4279 §5.1), compared byte by byte. */
  | { readonly kind: 'psk'; readonly identity: Uint8Array }
  /** `publicKey` is the DER SubjectPublicKeyInfo (RFC 7250). */
  | { readonly kind: 'rpk'; readonly publicKey: Uint8Array }
  /** A verified client certificate; `certificate` is its DER, `names` its Common Name and DNS/URI SANs. */
  | {
      readonly kind: 'x509'
      readonly subject: string
      readonly commonName: string | undefined
      readonly names: readonly string[]
      readonly certificate: Uint8Array
    }

/** The identity of a peer without security. One shared object: peers are many. */
export const NO_IDENTITY: PeerIdentity = Object.freeze({ kind: 'none' })

/**
 * Who is at the other end, not where. Over UDP a peer is its address: one `Peer` object per
 * address and port. Over DTLS it is the security association, whose address may change
 * (Connection ID, RFC 9146) while the `Peer` stays the same object.
 */
export interface Peer {
  /** Stable and unique within the process, e.g. `udp:192.0.2.1:5683` or `dtls:42`. */
  readonly id: string
  readonly identity: PeerIdentity
  /** IPv4-mapped IPv6 addresses are written as IPv4. */
  readonly address: string
  readonly port: number
  readonly secure: boolean
}

/** The URI scheme of what is spoken over a transport (RFC 7252 §6). */
export type Scheme = 'coap' | 'coaps'

/** The scheme under which a peer is reached. */
export function schemeOf(peer: Pick<Peer, 'secure'>): Scheme {
  return peer.secure ? 'coaps' : 'coap'
}

/** Where a transport is bound. */
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
 * Carries datagrams to and from peers. Everything above knows only this interface, so that UDP,
 * DTLS (and later TCP) are interchangeable.
 */
export interface Transport {
  readonly scheme: Scheme
  /** The largest datagram that `send` takes, in bytes. */
  readonly maxDatagram: number
  /**
   * The most bytes that `send` to this peer should carry, where that depends on the peer: what it
   * negotiated to take in a record, and what fits one datagram of its path. Default
   * {@link maxDatagram}.
   */
  maxDatagramFor?(peer: Peer): number

  /** Called for each datagram. The bytes are the receiver's to keep. Set it before `start`. */
  onMessage: (peer: Peer, datagram: Buffer) => void
  /** Called when a peer ended (DTLS association closed or removed; ICMP unreachable does not). */
  onPeerGone: (peer: Peer, reason: string) => void
  /** Something an operator should know that fails no exchange by itself (an ICMP error, …). */
  onWarning: (message: string, peer?: Peer) => void

  /** Binds. @throws BindError */
  start(): Promise<BoundAddress>
  /** Ends every association and frees the port. Resolves when it can be bound again. Idempotent. */
  stop(): Promise<void>
  /** Sends without waiting. @throws PeerGone when the association of `peer` ended */
  send(peer: Peer, datagram: Uint8Array): void
  /**
   * The peer at an address, to send first: over UDP at once; over DTLS client transports after a
   * handshake.
   * @throws CodedError `handshake-timeout`, `handshake-failed` or `unresolvable` (the host name)
   */
  connect(host: string, port: number): Promise<Peer>
  /**
   * Tells the transport that a peer is registered, so that it is not forgotten
   * to make room, or that it is not registered any more.
   */
  pin(peer: Peer, pinned: boolean): void
  /** Ends one peer's association (DTLS: close_notify). Over UDP it only forgets the peer. */
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
      // Certificates of one subject may be of many devices, told apart by their alternative names.
      return `x509:${[identity.subject, ...identity.names].join('\n')}`
  }
}

/** For people: `PSK identity "dev1"`, `X.509 CN=dev1`, … Never contains secrets. */
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
