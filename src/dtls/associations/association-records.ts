import type { Clock } from '../../base/clock'
import type { Association, LastFlight } from './association'
import { Alert, AlertLevel, ContentType, HandshakeType } from '../wire/constants'
import type { DropReason } from '../counters'
import type { WireAddress } from '../identity'
import { buildAlert, describeAlert, parseAlert } from '../wire/alert'
import { HANDSHAKE_HEADER } from '../wire/constants'
import { type OpenedRecord, openRecord, type RawRecord, recordLength } from '../records/record'
import { UnprovenPath } from './unproven-path'
import type { Settings } from '../settings'

/** What established associations need of the server. */
export interface LiveHost {
  readonly clock: Clock
  readonly settings: Settings
  /** Sends records of an association to its current address. */
  transmit(association: Association, datagram: Uint8Array): void
  /** Sends one record; ends the association if no sequence numbers are left. */
  send(association: Association, type: number, content: Uint8Array): void
  dropped(reason: DropReason): void
  deliver(association: Association, message: Buffer): void
  /** Something authentic was received from it. */
  touch(association: Association): void
  moved(association: Association, to: WireAddress): void
  /**
   * The client ended it: by close_notify, or by a fatal alert, which also invalidates its session.
   */
  closedByPeer(association: Association, reason: string, fatal: boolean): void
  /** Too many forged records, or no sequence numbers left. */
  exhausted(association: Association, reason: string): void
  retransmitted(): void
}

function sameAddress(a: WireAddress, b: WireAddress): boolean {
  return a.port === b.port && a.wireAddress === b.wireAddress
}

/** Why a record was rejected. */
export type Rejection = 'replayed' | 'forged'

/** The message with which a peer renegotiates, by our role. */
const RENEGOTIATES = {
  client: HandshakeType.helloRequest,
  server: HandshakeType.clientHello,
} as const

/** Name of the peer's role, for messages. */
function peerOf({ role }: Association): string {
  return role === 'server' ? 'device' : 'server'
}

/** Protected records of established associations. */
export class AssociationRecords {
  constructor(private readonly host: LiveHost) {}

  /**
   * Accepts a record if it is authentic and new.
   * @returns why it was rejected; nothing has changed then
   */
  receive(association: Association, record: RawRecord, from: WireAddress): Rejection | undefined {
    const { window } = association
    // Before decryption, so that replays are cheap (RFC 6347 §4.1.2.6).
    if (!window.isFresh(record.sequence)) {
      this.returnToProven(association, record, from)
      return 'replayed'
    }
    const opened = openRecord(association.readCipher, record)
    if (opened === undefined) return 'forged'
    const isNewest = record.sequence > window.newest
    window.mark(record.sequence)
    this.host.touch(association)
    this.locate(association, record, from, isNewest)
    this.dispatch(association, opened)
    return undefined
  }

  /** Rejects a record that can only belong to this association. */
  reject(association: Association, rejection: Rejection): void {
    this.host.dropped(rejection)
    if (rejection === 'replayed') return
    association.forgeries++
    const limit = Math.min(this.host.settings.maxForgeries, association.readCipher.forgeryLimit)
    if (association.forgeries >= limit) {
      this.host.exhausted(association, `${limit} forged records were received for it`)
    }
  }

  /** RFC 9146 §6: only the newest record, by Connection ID, moves an association. */
  private locate(
    association: Association,
    record: RawRecord,
    from: WireAddress,
    isNewest: boolean,
  ): void {
    const isHere = sameAddress(association, from)
    if (isHere) association.displaced = false
    else if (isNewest && record.type === ContentType.tls12Cid) {
      association.displaced = false
      this.move(association, from, record.sequence)
    }
    const { path } = association
    if (path === undefined) return
    path.isCurrent = isHere || sameAddress(association, from)
    if (path.isCurrent) path.onReceived(recordLength(record))
  }

  private move(association: Association, from: WireAddress, movedBy: number): void {
    const { wireAddress, port, path } = association
    const proven = path?.proven ?? { wireAddress, port }
    association.path = sameAddress(proven, from) ? undefined : new UnprovenPath(proven, movedBy)
    this.host.moved(association, from)
  }

  /**
   * The record that moved the client also arrives from its verified address: a copy of it was sent
   * by an attacker.
   */
  private returnToProven(association: Association, record: RawRecord, from: WireAddress): void {
    const { path } = association
    if (path?.movedBy !== record.sequence || !sameAddress(path.proven, from)) return
    if (openRecord(association.readCipher, record) === undefined) return
    association.path = undefined
    this.host.moved(association, from)
  }

  private dispatch(association: Association, { type, content }: OpenedRecord): void {
    switch (type) {
      case ContentType.applicationData:
        // The client has received our Finished and will not request it again.
        association.lastFlight = undefined
        if (content.length > 0) this.host.deliver(association, content)
        return
      case ContentType.alert:
        return this.onAlert(association, content)
      case ContentType.handshake:
        return this.onHandshake(association, content)
      default:
        this.host.dropped('unexpected')
    }
  }

  private onAlert(association: Association, content: Buffer): void {
    const alert = parseAlert(content)
    if (alert === undefined) return this.host.dropped('unexpected')
    const { level, description } = alert
    if (description === Alert.closeNotify) {
      this.host.closedByPeer(association, `the ${peerOf(association)} closed the connection`, false)
    } else if (level === AlertLevel.fatal) {
      const reason = `the ${peerOf(association)} ended the connection with ${describeAlert(description)}`
      this.host.closedByPeer(association, reason, true)
    }
  }

  private onHandshake(association: Association, content: Buffer): void {
    if (content.length < HANDSHAKE_HEADER) return this.host.dropped('unexpected')
    const type = content.readUInt8(0)
    const messageSeq = content.readUInt16BE(4)
    const { lastFlight } = association
    if (type === HandshakeType.finished && lastFlight?.peerMessageSeq === messageSeq) {
      this.repeatLastFlight(association, lastFlight)
    } else if (type === RENEGOTIATES[association.role]) {
      // Renegotiation is refused, but the connection continues (RFC 5746 §4.5).
      const alert = buildAlert(AlertLevel.warning, Alert.noRenegotiation)
      this.host.dropped('unexpected')
      this.host.send(association, ContentType.alert, alert)
    } else {
      this.host.dropped('unexpected')
    }
  }

  /** RFC 6347 §4.2.4: the client did not receive our Finished. Rate-limited. */
  private repeatLastFlight(association: Association, flight: LastFlight): void {
    const { clock, settings } = this.host
    const now = clock.monotonic()
    if (now - flight.sentAt < settings.retransmitTimeout / 2) return
    flight.sentAt = now
    const datagram = association.sealLastFlight(flight)
    if (datagram === undefined) return
    this.host.retransmitted()
    this.host.transmit(association, datagram)
  }
}
