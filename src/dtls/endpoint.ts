import { systemClock } from '../base/clock'
import { describeError } from '../base/guard'
import { Scheduler } from '../base/scheduler'
import type { Association } from './associations/association'
import { unmapped } from '../base/ip-address'
import { AssociationRecords } from './associations/association-records'
import { addressKey, Associations, sameIdentity } from './associations/associations'
import { AlertLevel, Alert, ContentType } from './wire/constants'
import { ConnectionIds } from './associations/connection-ids'
import type { DropReason, DtlsCounters } from './counters'
import { CrowdingReport } from './hello/crowding-report'
import { DtlsSendError, HandshakeFailure, type HandshakeFailureCode } from './errors'
import type { ConnectOptions } from './client-credentials'
import { ClientHandshakes } from './v12/client-role/client-handshakes'
import { Handshakes } from './v12/server-role/handshakes'
import type { DtlsIdentity, RemoteAddress, WireAddress } from './identity'
import { buildAlert } from './wire/alert'
import type { DtlsServerOptions } from './options'
import type { RawRecord } from './records/record'
import { UnknownRecordAlerts } from './records/unknown-record-alerts'
import { type PendingHandshakes, RecordRouter } from './records/record-router'
import { SessionCache } from './sessions/session-cache'
import type { PendingHandshake } from './associations/pending-handshake'
import type { DtlsSession } from './sessions/session'
import { resolveSettings, type Settings } from './settings'
import { Tally } from './tally'

/** A handshake that came to nothing. The true reason: the other end may have seen only silence. */
export interface HandshakeReport extends RemoteAddress {
  readonly code: HandshakeFailureCode
  readonly reason: string
  /** What the client claimed, as far as it did; not proven. */
  readonly identity: DtlsIdentity | undefined
}

/** Why an association ended whose address another took, by our role in that one. */
const REPLACED = {
  client: 'a new association took its place',
  server: 'the device made a new connection',
} as const

/**
 * A DTLS 1.2 server, and client (RFC 6347), without a socket: datagrams come in by {@link receive} and leave by
 * `options.output`. Set the `on…` members before the first datagram.
 */
export class DtlsServer {
  /** Authenticated application data, never empty. The bytes are the receiver's to keep. */
  onMessage: (association: Association, message: Buffer) => void = () => {}
  /** An association ended: closed by either side, replaced, evicted, or its credential was removed. */
  onAssociationEnded: (association: Association, reason: string) => void = () => {}
  onHandshakeFailed: (report: HandshakeReport) => void = () => {}
  /** Something that harmed no handshake: a session store or a callback that failed. */
  onWarning: (message: string) => void = () => {}

  readonly settings: Settings
  private readonly clock: Scheduler
  private readonly tally = new Tally()
  private readonly sessions: SessionCache
  private readonly associations = new Associations()
  private readonly router: RecordRouter
  private readonly handshakes: Handshakes
  private readonly connecting: ClientHandshakes
  private readonly connectionIds: ConnectionIds
  private readonly crowding: CrowdingReport
  /** After `stop`; a stopped server stays so. */
  stopped = false

  /** @throws DtlsConfigurationError `bad-option` */
  constructor(private readonly options: DtlsServerOptions) {
    const settings = resolveSettings(options)
    this.settings = settings
    const clock = new Scheduler(options.clock ?? systemClock, (error, where) => {
      this.tally.dropped('internal-error')
      this.warn(`an error in a ${where} of DTLS`, error)
    })
    this.clock = clock
    this.connectionIds = new ConnectionIds(settings.connectionIdLength)
    this.sessions = new SessionCache(clock, settings.maxSessions, options.sessions, (error) => {
      this.tally.sessionStoreErrors++
      this.warn('DTLS sessions cannot be kept', error)
    })
    this.crowding = new CrowdingReport(clock, (message) => this.onWarning(message))
    this.handshakes = this.hostHandshakes()
    this.connecting = this.hostClientHandshakes()
    this.router = new RecordRouter({
      associations: this.associations,
      handshakes: this.bothRoles(),
      connectionIds: this.connectionIds,
      records: this.hostAssociations(),
      unknownRecords: new UnknownRecordAlerts(clock, (alert, to) => this.output(alert, to)),
      connectionIdLength: settings.connectionIdLength,
      isFull: () => this.isFull(),
      dropped: this.dropped,
      failed: (error) => this.warn('a DTLS record could not be processed', error),
    })
  }

  /** Loads the sessions that were kept; never rejects. */
  start(): Promise<void> {
    return this.sessions.load()
  }

  /** Ends everything, telling every client. Later datagrams are ignored; `send` throws. */
  stop(): void {
    if (this.stopped) return
    const failure = new HandshakeFailure('stopped', 'the server stops', undefined)
    this.handshakes.giveUp(failure)
    this.connecting.giveUp(failure)
    for (const association of [...this.associations.values()]) {
      this.close(association, 'the server stops')
    }
    this.clock.clear()
    this.stopped = true
  }

  get counters(): DtlsCounters {
    return this.tally.snapshot({
      associations: this.associations.size,
      halfOpen: this.handshakes.count + this.connecting.count,
      sessions: this.sessions.size,
    })
  }

  /** The sessions that could be resumed now. They hold secrets. */
  exportSessions(): DtlsSession[] {
    return [...this.sessions.values()]
  }

  /** Takes over sessions that {@link exportSessions} gave. */
  importSessions(sessions: Iterable<DtlsSession>): void {
    for (const session of sessions) this.sessions.add(session)
  }

  /**
   * One datagram from the network. Nothing in it can make this throw.
   * @param wireAddress as the socket writes it; answers go there in the same writing
   */
  receive(datagram: Buffer, wireAddress: string, port: number): void {
    if (this.stopped) return
    this.router.receive(datagram, { wireAddress, port })
  }

  /**
   * Shakes hands in the client role. An association that stands at that address goes on until the new
   * one takes its place.
   * @param wireAddress as the socket writes it
   * @throws HandshakeFailure
   */
  connect(wireAddress: string, port: number, options: ConnectOptions): Promise<Association> {
    if (this.stopped) {
      return Promise.reject(new HandshakeFailure('stopped', 'the endpoint stopped', undefined))
    }
    return this.connecting.connect({ wireAddress, port }, options)
  }

  /**
   * Sends application data as one record.
   * @throws DtlsSendError `association-ended`, or `datagram-too-large` for more than the peer takes
   */
  send(association: Association, message: Uint8Array): void {
    if (association.ended) {
      throw new DtlsSendError('association-ended', `${association.id} has ended`)
    }
    if (message.length > association.sendLimit) {
      throw new DtlsSendError(
        'datagram-too-large',
        `${message.length} bytes; the device takes ${association.sendLimit} in a record`,
      )
    }
    // Someone else has its address now: nothing meant for it may go there.
    if (association.displaced) return
    if (!this.sendRecord(association, ContentType.applicationData, message)) {
      throw new DtlsSendError('association-ended', `${association.id} has ended`)
    }
  }

  /** Ends an association with a close_notify. Harmless when it already ended. */
  close(association: Association, reason: string): void {
    if (association.ended) return
    if (!association.displaced) {
      const alert = buildAlert(AlertLevel.warning, Alert.closeNotify)
      const record = association.seal(ContentType.alert, alert)
      if (record !== undefined) this.transmit(association, record)
    }
    this.end(association, reason)
  }

  /**
   * A credential was removed or changed: ends the associations, handshakes and sessions of the
   * identities that `predicate` picks.
   * @returns how many associations ended
   */
  closeWhere(predicate: (identity: DtlsIdentity) => boolean, reason: string): number {
    const failure = new HandshakeFailure('credential-removed', reason, undefined)
    this.handshakes.giveUp(failure, predicate)
    this.connecting.giveUp(failure, predicate)
    this.sessions.removeWhere(predicate)
    let closed = 0
    for (const association of [...this.associations.values()]) {
      if (!predicate(association.identity)) continue
      this.close(association, reason)
      closed++
    }
    return closed
  }

  /** The client answered something that was sent to its new address: it is there. */
  confirmPath(association: Association): void {
    association.path = undefined
  }

  /** A pinned association never makes room for others. */
  pin(association: Association, pinned: boolean): void {
    this.associations.pin(association, pinned)
  }

  private hostHandshakes(): Handshakes {
    const { settings, clock, sessions, connectionIds, tally, options } = this
    return new Handshakes({
      settings,
      clock,
      sessions,
      connectionIds,
      tally,
      credentials: options.credentials,
      output: (datagram, to) => this.output(datagram, to),
      established: (handshake, association, early) =>
        this.onEstablished(handshake, association, early),
      displaced: (group) => this.crowding.add(group),
      report: (from, claimed, failure) => this.report(from, claimed, failure),
    })
  }

  private hostClientHandshakes(): ClientHandshakes {
    const { settings, clock, connectionIds, tally } = this
    return new ClientHandshakes({
      settings,
      clock,
      connectionIds,
      tally,
      output: (datagram, to) => this.output(datagram, to),
      established: (handshake, association, early) =>
        this.onEstablished(handshake, association, early),
      isPeerShaking: (key) => this.handshakes.at(key) !== undefined,
    })
  }

  /** The handshakes as records find them: a verified hello of the peer comes before one of ours. */
  private bothRoles(): PendingHandshakes {
    const { handshakes, connecting, options } = this
    return {
      at: (key) => handshakes.at(key) ?? connecting.at(key),
      onHello: (record, from, key, living, isFull) => {
        if (options.accept === false) return this.dropped('unexpected')
        handshakes.onHello(record, from, key, living, isFull)
        if (handshakes.at(key) !== undefined) connecting.onPeerHello(key)
      },
    }
  }

  private hostAssociations(): AssociationRecords {
    const { settings, clock, dropped } = this
    return new AssociationRecords({
      settings,
      clock,
      dropped,
      transmit: (association, datagram) => this.transmit(association, datagram),
      send: (association, type, content) => void this.sendRecord(association, type, content),
      deliver: (association, message) => this.onMessage(association, message),
      touch: (association) => this.associations.touch(association),
      moved: (association, { wireAddress, port }) => {
        this.tally.addressMoves++
        this.associations.move(association, wireAddress, port)
      },
      closedByPeer: (association, reason, fatal) => {
        if (!fatal) return this.close(association, reason)
        // RFC 5246 §7.2.2: after a fatal alert the session must not be resumed.
        if (association.role === 'server') this.sessions.remove(association.sessionKey)
        else this.connecting.forgetSession(association)
        this.end(association, reason)
      },
      exhausted: (association, reason) => this.close(association, reason),
      retransmitted: () => this.tally.retransmissions++,
    })
  }

  /** @returns false when the association had to be ended instead: it has no sequence numbers left */
  private sendRecord(association: Association, type: number, content: Uint8Array): boolean {
    const record = association.exhausted ? undefined : association.seal(type, content)
    if (record === undefined) {
      this.close(association, 'its sequence numbers are used up')
      return false
    }
    this.transmit(association, record)
    return true
  }

  /**
   * To where an association is. As long as that is not proven, at most three times as much as came from
   * there, and to its last proven address as well: a client drops what it gets twice.
   */
  private transmit(association: Association, datagram: Uint8Array): void {
    const { path } = association
    if (path === undefined) return this.output(datagram, association)
    if (path.admit(datagram.length)) this.output(datagram, association)
    // Not where somebody else is now.
    if (this.associations.at(addressKey(path.proven)) === undefined) {
      this.output(datagram, path.proven)
    }
  }

  private onEstablished(
    handshake: PendingHandshake,
    association: Association,
    early: readonly RawRecord[],
  ): void {
    const key = addressKey(handshake.remote)
    this.takeAddress(association, key)
    if (!this.makeRoom()) {
      this.connectionIds.release(association.connectionIdKey, handshake)
      this.dropped('association-limit')
      this.connecting.onRefused(key)
      return
    }
    this.associations.add(association)
    this.connectionIds.assign(association.connectionIdKey, association)
    this.tally.handshakesCompleted++
    if (association.resumed) this.tally.resumptions++
    this.connecting.onAssociation(key, association)
    for (const record of early) this.router.route(record, handshake.remote, key)
  }

  /** The client proved to be at this address: whoever was there before is gone from it. */
  private takeAddress(association: Association, key: string): void {
    const previous = this.associations.at(key)
    if (previous === undefined) return
    // Another device with a Connection ID: it has moved away and will say whereto.
    const movedAway =
      previous.connectionIdKey !== undefined &&
      !sameIdentity(previous.identity, association.identity)
    if (movedAway) previous.displaced = true
    else this.end(previous, REPLACED[association.role])
  }

  private isFull(): boolean {
    return (
      this.associations.size >= this.settings.maxAssociations &&
      this.associations.evictable === undefined
    )
  }

  private makeRoom(): boolean {
    const { size, evictable } = this.associations
    if (size < this.settings.maxAssociations) return true
    if (evictable === undefined) return false
    this.tally.evictions++
    this.close(evictable, 'it was evicted as the longest idle association')
    return true
  }

  private end(association: Association, reason: string): void {
    association.ended = true
    this.associations.remove(association)
    this.connectionIds.release(association.connectionIdKey, association)
    try {
      this.onAssociationEnded(association, reason)
    } catch (error) {
      this.warn('onAssociationEnded failed', error)
    }
  }

  private report(
    { wireAddress, port }: WireAddress,
    identity: DtlsIdentity | undefined,
    { code, message: reason }: HandshakeFailure,
  ): void {
    this.tally.failed(code)
    // A flood brings about thousands of these a second: there is one warning for all of them.
    if (code === 'displaced') return
    try {
      this.onHandshakeFailed({ code, reason, identity, address: unmapped(wireAddress), port })
    } catch (error) {
      this.warn('onHandshakeFailed failed', error)
    }
  }

  private readonly dropped = (reason: DropReason): void => this.tally.dropped(reason)

  private output(datagram: Uint8Array, { wireAddress, port }: WireAddress): void {
    try {
      this.options.output(datagram, wireAddress, port)
    } catch (error) {
      // Also called by timers, where nobody would catch it.
      this.warn('a datagram could not be sent', error)
    }
  }

  private warn(what: string, error: unknown): void {
    this.onWarning(`${what}: ${describeError(error)}`)
  }
}
