import { unmapped } from '../../base/ip-address'
import type { RecordCipher } from '../ciphers'
import { ContentType, HandshakeType, LAST_SEQUENCE } from '../wire/constants'
import type { DtlsIdentity, Role, WireAddress } from '../identity'
import type { UnprovenPath } from './unproven-path'
import { wholeMessage } from '../wire/handshake-header'
import { plainRecord, recordOverhead, sealRecord } from '../records/record'
import type { ReplayWindow } from '../records/replay'

/** Our last flight, as long as the client may ask for it again. */
export interface LastFlight {
  /** message_seq of the peer's Finished: when it comes again, ours was lost. */
  readonly peerMessageSeq: number
  readonly messageSeq: number
  /** As latin1 text: a short string takes far less memory than a typed array. */
  readonly verifyData: string
  /** Next record sequence number of epoch 0. */
  plainSequence: number
  /** Monotonic ms of the last time it was sent. */
  sentAt: number
}

/** What a finished handshake hands over. Everything in it is the association's own. */
export interface AssociationInit {
  /** Ours in the handshake. */
  readonly role: Role
  readonly remote: WireAddress
  readonly identity: DtlsIdentity
  readonly cipher: RecordCipher
  readonly window: ReplayWindow
  /** Our Connection ID, which the client's records carry, as a key; undefined without. */
  readonly connectionIdKey: string | undefined
  /** What our records carry; empty for nothing. */
  readonly peerConnectionId: Uint8Array
  readonly writeSequence: number
  readonly sendLimit: number
  readonly suite: number
  /** The session's key in the cache; empty when it cannot be resumed. */
  readonly sessionKey: string
  readonly resumed: boolean
  /** Tells a repeated hello of this handshake from a new one. */
  readonly helloMark: number
  readonly lastFlight: LastFlight | undefined
}

let nextNumber = 1

/**
 * An established security association: who, by what keys, and where at present. There are many of
 * them: what it holds is counted. The same shape as the transport's `Peer`.
 */
export class Association {
  /** Unique within the process. */
  readonly id = `dtls:${nextNumber++}`
  readonly identity: DtlsIdentity
  /** Ours in the handshake. */
  readonly role: Role
  readonly suite: number
  /** @internal */ readonly sessionKey: string
  readonly resumed: boolean
  /** @internal */ readonly connectionIdKey: string | undefined
  /** @internal As the socket writes it. Changes when the client moves (Connection ID). */
  wireAddress: string
  port: number

  /** @internal */ readonly window: ReplayWindow
  /** @internal */ readonly helloMark: number
  /** @internal */ readonly sendLimit: number
  /** @internal */ lastFlight: LastFlight | undefined
  /** @internal Forged records that named this association. */
  forgeries = 0
  /** @internal Never evicted while true. */
  pinned = false
  /** @internal Its address belongs to another client now; cleared when it is heard again. */
  displaced = false
  /** @internal Set while it is not proven that the client is at its new address. */
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

  /** Where the client is at present. IPv4-mapped IPv6 addresses are written as IPv4. */
  get address(): string {
    return unmapped(this.wireAddress)
  }

  get secure(): true {
    return true
  }

  /** @internal What opens the client's records. */
  get readCipher(): RecordCipher {
    return this.cipher
  }

  /** Application bytes that fit one record and, with `mtu`, one datagram. */
  maxDatagram(mtu: number): number {
    const total = (length: number): number =>
      length + recordOverhead(this.cipher, length, this.peerConnectionId)
    let length = Math.min(this.sendLimit, mtu)
    // In two steps at most a block apart: padding makes the overhead depend on the length.
    length -= Math.max(0, total(length) - mtu)
    while (total(length) > mtu) length--
    return length
  }

  /** Whether sequence numbers are left: an alert must still be possible after the last content. */
  get exhausted(): boolean {
    return this.writeSequence >= LAST_SEQUENCE - 1
  }

  /** @internal A protected record with the next sequence number; undefined when there is none left. */
  seal(type: number, content: Uint8Array): Buffer | undefined {
    if (this.writeSequence > LAST_SEQUENCE) return undefined
    return sealRecord(this.cipher, type, this.writeSequence++, content, this.peerConnectionId)
  }

  /**
   * @internal ChangeCipherSpec and Finished once more, as new records (RFC 6347 §4.2.4); undefined
   * when an epoch has no number left for them.
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
