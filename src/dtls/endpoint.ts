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
import type { DtlsEndpointOptions } from './options'
import type { RawRecord } from './records/record'
import { UnknownRecordAlerts } from './records/unknown-record-alerts'
import { type PendingHandshakes, RecordRouter } from './records/record-router'
import { SessionCache } from './sessions/session-cache'
import type { PendingHandshake } from './associations/pending-handshake'
import type { DtlsSession } from './sessions/session'
import { resolveSettings, type Settings } from './settings'
import { Tally } from './tally'

/** A failed handshake with the real reason: the other end may have received no answer at all. */
export interface HandshakeReport extends RemoteAddress {
  readonly code: HandshakeFailureCode
  readonly reason: string
  /** The identity that the client claimed, if any; not verified. */
  readonly identity: DtlsIdentity | undefined
}

/** Why an association ended whose address is used by another one, by our role in that one. */
const REPLACED = {
  client: 'a new association took its place',
  server: 'the device made a new connection',
} as const

/**
 * A DTLS 1.2 server and client (RFC 6347) without a socket: datagrams are passed to {@link receive}
 * and sent by `options.output`. Set the `on…` members before the first datagram.
 */
export class DtlsEndpoint {
  /** Called with authenticated application data, never empty. The receiver owns the bytes. */
  onMessage: (association: Association, message: Buffer) => void = () => {}
  /**
   * Called when an association ended: closed by either side, replaced, evicted, or its credential
   * was removed.
   */
  onAssociationEnded: (association: Association, reason: string) => void = () => {}
  onHandshakeFailed: (report: HandshakeReport) => void = () => {}
  /** Called with errors that affected no handshake: a session store or a callback that failed. */
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
  /** True after `stop`; a stopped server cannot be restarted. */
  stopped = false

  /** @throws DtlsConfigurationError `bad-option` */
  constructor(private readonly options: DtlsEndpointOptions) {
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

  /** Loads the stored sessions; never rejects. */
  start(): Promise<void> {
    return this.sessions.load()
  }

  /** Ends everything and notifies every client. Later datagrams are ignored; `send` throws. */
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

  /** The sessions that can be resumed now. They contain secrets. */
  exportSessions(): DtlsSession[] {
    return [...this.sessions.values()]
  }

  /** Adds sessions from {@link exportSessions}. */
  importSessions(sessions: Iterable<DtlsSession>): void {
    for (const session of sessions) this.sessions.add(session)
  }

  /**
   * Processes one datagram from the network. Never throws because of its content.
   * @param wireAddress in the form of the socket; responses are sent to the same
   */
  receive(datagram: Buffer, wireAddress: string, port: number): void {
    if (this.stopped) return
    this.router.receive(datagram, { wireAddress, port })
  }

  /**
   * Performs a handshake in the client role. An existing association at that address stays until
   * the new one replaces it.
   * @param wireAddress in the form of the socket
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
   * @throws DtlsSendError `association-ended`, or `datagram-too-large` if the peer does not accept
   *   that size
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
    // Another client has its address now and must not receive its data.
    if (association.displaced) return
    if (!this.sendRecord(association, ContentType.applicationData, message)) {
      throw new DtlsSendError('association-ended', `${association.id} has ended`)
    }
  }

  /** Ends an association with a close_notify. Does nothing if it has already ended. */
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
   * identities selected by `predicate`.
   * @returns the number of associations ended
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

  /** The client answered a message sent to its new address, which verifies that address. */
  confirmPath(association: Association): void {
    association.path = undefined
  }

  /** Sets whether an association is pinned: pinned ones are never evicted. */
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

  /**
   * The handshakes of both roles for the lookup of records: a verified hello of the peer takes
   * precedence over one of ours.
   */
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

  /**
   * @returns false if the association was ended instead, because it has no sequence numbers left
   */
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
   * Sends to the current address of an association. Until that is verified, at most three times as
   * much as was received from there, and also to its last verified address: a client drops
   * duplicates.
   */
  private transmit(association: Association, datagram: Uint8Array): void {
    const { path } = association
    if (path === undefined) return this.output(datagram, association)
    if (path.admit(datagram.length)) this.output(datagram, association)
    // Not if the address belongs to another client now.
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

  /** The client has verified this address: an association that had it before has lost it. */
  private takeAddress(association: Association, key: string): void {
    const previous = this.associations.at(key)
    if (previous === undefined) return
    // Another device with a Connection ID: it has moved and will report its new address.
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
    // A flood causes thousands of these a second, for which there is one warning.
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
      // Also called by timers, where nothing would catch the error.
      this.warn('a datagram could not be sent', error)
    }
  }

  private warn(what: string, error: unknown): void {
    this.onWarning(`${what}: ${describeError(error)}`)
  }
}
