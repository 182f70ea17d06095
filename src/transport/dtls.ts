import type { Clock } from '../base/clock'
import type { DtlsCounters } from '../dtls/counters'
import type { DtlsCredentials } from '../dtls/credentials'
import type { HandshakeFailureCode } from '../dtls/errors'
import type { DtlsSettings } from '../dtls/options'
import type { BoundAddress, Peer, PeerIdentity, Transport } from './transport'

/** Where to bind, who may connect, and the settings of DTLS. */
export interface DtlsTransportOptions extends DtlsSettings {
  readonly credentials: DtlsCredentials
  /** A literal address. Default `::` with IPv4 mapped into it, or `0.0.0.0` on a machine without IPv6. */
  readonly host?: string
  /** 0 for an ephemeral port. Default 5684 (RFC 7252 §6.2). */
  readonly port?: number
  /** Bytes of the socket's receive buffer, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
  readonly clock?: Clock
}

/** A handshake that came to nothing, told once. */
export interface HandshakeFailureReport {
  readonly code: HandshakeFailureCode
  /** For the operator; the true reason, without secrets. */
  readonly reason: string
  /** As far as the client claimed one; not proven. */
  readonly identity: PeerIdentity | undefined
  readonly address: string
  readonly port: number
}

/** CoAP over DTLS 1.2, server role: a `Peer` is a security association. */
export declare class DtlsTransport implements Transport {
  readonly scheme = 'coaps'
  readonly maxDatagram: number
  onMessage: (peer: Peer, datagram: Buffer) => void
  onPeerGone: (peer: Peer, reason: string) => void
  onWarning: (message: string, peer?: Peer) => void
  onHandshakeFailed: (failure: HandshakeFailureReport) => void
  constructor(options: DtlsTransportOptions)
  start(): Promise<BoundAddress>
  stop(): Promise<void>
  send(peer: Peer, datagram: Uint8Array): void
  /** @throws CodedError `unsupported`, always: a device must come first (it knows how to reach us) */
  connect(host: string, port: number): Promise<Peer>
  pin(peer: Peer, pinned: boolean): void
  close(peer: Peer, reason: string): void
  /** A credential was removed or changed: ends what was made with it, at once. Answers how many associations. */
  closeWhere(predicate: (identity: PeerIdentity) => boolean, reason: string): number
  readonly counters: DtlsCounters
}
