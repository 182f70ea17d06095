import { unmapped } from '../../base/ip-address'
import type { RecordCipher } from '../ciphers'
import { ContentType, HandshakeType, LAST_SEQUENCE } from '../wire/constants'
import type { DtlsIdentity, Role, WireAddress } from '../identity'
import type { UnprovenPath } from './unproven-path'
import { wholeMessage } from '../wire/handshake-header'
import { plainRecord, recordOverhead, sealRecord } from '../records/record'
import type { ReplayWindow } from '../records/replay'

/** Our last flight, as long as the client may request it again. */
export interface LastFlight {
  /** message_seq of the peer's Finished: if it is received again, ours was lost. */
  readonly peerMessageSeq: number
  readonly messageSeq: number
  /** As latin1 text: a short string needs far less memory than a typed array. */
  readonly verifyData: string
  /** Next record sequence number of epoch 0. */
  plainSequence: number
  /** Monotonic time of the last transmission in ms. */
  sentAt: number
}

/** The result of a finished handshake. The association owns everything in it. */
export interface AssociationInit {
  /** Our role in the handshake. */
  readonly role: Role
  readonly remote: WireAddress
  readonly identity: DtlsIdentity
  readonly cipher: RecordCipher
  readonly window: ReplayWindow
  /** Our Connection ID as a key, which the client's records carry; undefined without. */
  readonly connectionIdKey: string | undefined
  /** The Connection ID in our records; empty without. */
  readonly peerConnectionId: Uint8Array
  readonly writeSequence: number
  readonly sendLimit: number
  readonly suite: number
  /** The session's key in the cache; empty if it cannot be resumed. */
  readonly sessionKey: string
  readonly resumed: boolean
  /** Distinguishes a repeated hello of this handshake from a new one. */
  readonly helloMark: number
  readonly lastFlight: LastFlight | undefined
}

let nextNumber = 1

/**
 * An established security association: identity, keys and current address of the peer. There are
 * many, so its size matters. The same shape as the transport's `Peer`.
 */
export class Association {
  /** Unique within the process. */
  readonly id = `dtls:${nextNumber++}`
  readonly identity: DtlsIdentity
  /** Our role in the handshake. */
  readonly role: Role
  readonly suite: number
  /** @internal */ readonly sessionKey: string
  readonly resumed: boolean
  /** @internal */ readonly connectionIdKey: string | undefined
  /** @internal In the form of the socket. Changes when the client moves (Connection ID). */
  wireAddress: string
  port: number

  /** @internal */ readonly window: ReplayWindow
  /** @internal */ readonly helloMark: number
  /** @internal */ readonly sendLimit: number
  /** @internal */ lastFlight: LastFlight | undefined
  /** @internal Number of forged records that referred to this association. */
  forgeries = 0
  /** @internal Never evicted while true. */
  pinned = false
  /** @internal Its address is used by another client now; cleared when it is heard again. */
  displaced = false
  /** @internal Set while the client's new address is not verified. */
  path: UnprovenPath | undefined = undefined
  ended = false
  /** @internal Neighbours in the list by last use; see associations.ts. */
  newer: Association | undefined = undefined
  /** @internal */ older: Association | undefined = undefined

  private readonly cipher: RecordCipher
  private readonly peerConnectionId: Uint8Array
  private writeSequence: number

  constructor(init: AssociationInit) {
    this.identity = init.identity
    this.role = init.role
    this.suite = init.suite
    this.sessionKey = init.sessionKey
    this.resumed = init.resumed
    this.connectionIdKey = init.connectionIdKey
    this.wireAddress = init.remote.wireAddress
    this.port = init.remote.port
    this.window = init.window
    this.helloMark = init.helloMark
    this.sendLimit = init.sendLimit
    this.lastFlight = init.lastFlight
    this.cipher = init.cipher
    this.peerConnectionId = init.peerConnectionId
    this.writeSequence = init.writeSequence
  }

  /** The current address of the client. IPv4-mapped IPv6 addresses are written as IPv4. */
  get address(): string {
    return unmapped(this.wireAddress)
  }

  get secure(): true {
    return true
  }

  /** @internal Decrypts the client's records. */
  get readCipher(): RecordCipher {
    return this.cipher
  }

  /** Application bytes that fit into one record and, with `mtu`, one datagram. */
  maxDatagram(mtu: number): number {
    const total = (length: number): number =>
      length + recordOverhead(this.cipher, length, this.peerConnectionId)
    let length = Math.min(this.sendLimit, mtu)
    // In two steps at most one block apart: padding makes the overhead depend on the length.
    length -= Math.max(0, total(length) - mtu)
    while (total(length) > mtu) length--
    return length
  }

  /**
   * Whether no sequence numbers are left: an alert must still be possible after the last content.
   */
  get exhausted(): boolean {
    return this.writeSequence >= LAST_SEQUENCE - 1
  }

  /**
   * @internal A protected record with the next sequence number; undefined if there is none left.
   */
  seal(type: number, content: Uint8Array): Buffer | undefined {
    if (this.writeSequence > LAST_SEQUENCE) return undefined
    return sealRecord(this.cipher, type, this.writeSequence++, content, this.peerConnectionId)
  }

  /**
   * @internal ChangeCipherSpec and Finished again, as new records (RFC 6347 §4.2.4); undefined if
   *   an epoch has no number left for them.
   */
  sealLastFlight(flight: LastFlight): Buffer | undefined {
    if (flight.plainSequence > LAST_SEQUENCE || this.exhausted) return undefined
    const ccs = Buffer.from([1])
    const body = Buffer.from(flight.verifyData, 'latin1')
    const finished = wholeMessage(HandshakeType.finished, flight.messageSeq, body)
    const record = this.seal(ContentType.handshake, finished)
    if (record === undefined) return undefined
    return Buffer.concat([
      plainRecord(ContentType.changeCipherSpec, flight.plainSequence++, ccs),
      record,
    ])
  }
}
