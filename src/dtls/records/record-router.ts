import { Association } from '../associations/association'
import type { AssociationRecords } from '../associations/association-records'
import { addressKey, type Associations } from '../associations/associations'
import type { ConnectionIds } from '../associations/connection-ids'
import type { PendingHandshake } from '../associations/pending-handshake'
import { ContentType, HandshakeType } from '../wire/constants'
import type { DropReason } from '../counters'
import type { WireAddress } from '../identity'
import type { UnknownRecordAlerts } from './unknown-record-alerts'
import { readRecord, type RawRecord } from './record'

/** The handshakes in progress, at most one per address. */
export interface PendingHandshakes {
  at(key: string): PendingHandshake | undefined
  /**
   * A ClientHello in plaintext.
   * @param living the association at this address, to recognize a repeated hello
   * @param isFull whether the limit of associations is reached
   */
  onHello(
    record: RawRecord,
    from: WireAddress,
    key: string,
    living: { readonly helloMark: number } | undefined,
    isFull: boolean,
  ): void
}

/** The associations and handshakes to which records may belong. */
export interface RouterHost {
  readonly associations: Associations
  readonly handshakes: PendingHandshakes
  readonly connectionIds: ConnectionIds
  readonly records: AssociationRecords
  /** Answers records that belong to nothing known. */
  readonly unknownRecords: UnknownRecordAlerts
  /** Length of our own Connection IDs in bytes. */
  readonly connectionIdLength: number
  /** Whether the limit of associations is reached. */
  isFull(): boolean
  dropped(reason: DropReason): void
  /** An error of this package, or of a callback. */
  failed(error: unknown): void
}

/**
 * Splits datagrams into records and finds for each the association or handshake that it belongs to:
 * by epoch and address (RFC 6347 §4.2.8) or by Connection ID (RFC 9146 §6).
 */
export class RecordRouter {
  constructor(private readonly host: RouterHost) {}

  /** Never throws because of the content of a datagram. */
  receive(datagram: Buffer, from: WireAddress): void {
    const key = addressKey(from)
    if (datagram.length === 0) this.host.dropped('malformed')
    for (let at = 0; at < datagram.length;) {
      const { record, problem, next } = readRecord(datagram, at, this.host.connectionIdLength)
      at = next
      if (record === undefined) this.host.dropped(problem ?? 'malformed')
      else this.receiveRecord(record, from, key)
    }
  }

  /** @param key of `from` */
  route(record: RawRecord, from: WireAddress, key: string): void {
    const { handshakes, associations } = this.host
    if (record.epoch === 1) return this.routeProtected(record, from, key)
    if (record.epoch > 1) return this.host.dropped('no-association')
    if (record.type === ContentType.applicationData || record.type === ContentType.tls12Cid) {
      return this.host.dropped('plaintext')
    }
    const isHello =
      record.type === ContentType.handshake && record.fragment[0] === HandshakeType.clientHello
    const living = associations.at(key)
    if (isHello) return handshakes.onHello(record, from, key, living, this.host.isFull())
    const handshake = handshakes.at(key)
    if (handshake !== undefined) handshake.receive(record)
    else this.host.dropped(living === undefined ? 'no-association' : 'plaintext')
  }

  private receiveRecord(record: RawRecord, from: WireAddress, key: string): void {
    try {
      this.route(record, from, key)
    } catch (error) {
      this.host.dropped('internal-error')
      this.host.failed(error)
    }
  }

  private routeProtected(record: RawRecord, from: WireAddress, key: string): void {
    const { associations, handshakes, records } = this.host
    if (record.type === ContentType.tls12Cid) return this.routeByConnectionId(record, from, key)
    const association = associations.at(key)
    const handshake = handshakes.at(key)
    if (association === undefined) {
      if (handshake !== undefined) return handshake.receive(record)
      this.host.dropped('no-association')
      return this.host.unknownRecords.onRecord(record, from, key)
    }
    if (association.connectionIdKey !== undefined) {
      // RFC 9146 §3: after Connection IDs were negotiated, the client must use its own.
      if (handshake === undefined) this.host.dropped('connection-id-missing')
      else handshake.receive(record)
      return
    }
    const rejection = records.receive(association, record, from)
    if (rejection === undefined) return
    // Not of the established association: perhaps of a handshake at the same address.
    if (handshake === undefined) records.reject(association, rejection)
    else handshake.receive(record)
  }

  private routeByConnectionId(record: RawRecord, from: WireAddress, key: string): void {
    const { connectionIds, records } = this.host
    const holder = connectionIds.find(record.connectionId)
    if (holder === undefined) {
      this.host.dropped('unknown-connection-id')
      const { associations, handshakes } = this.host
      // Not for a known address: its association may be about to be replaced, or the record may be
      // forged.
      const isKnown = associations.at(key) !== undefined || handshakes.at(key) !== undefined
      if (!isKnown) this.host.unknownRecords.onRecord(record, from, key)
      return
    }
    if (holder instanceof Association) {
      const rejection = records.receive(holder, record, from)
      if (rejection !== undefined) records.reject(holder, rejection)
      return
    }
    const { wireAddress, port } = holder.remote
    // A handshake does not move.
    if (wireAddress === from.wireAddress && port === from.port) holder.receive(record)
    else this.host.dropped('unknown-connection-id')
  }
}
