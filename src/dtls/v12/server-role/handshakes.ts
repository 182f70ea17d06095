import type { Scheduler } from '../../../base/scheduler'
import { addressKey } from '../../associations/associations'
import { Alert, AlertLevel, ContentType } from '../../wire/constants'
import type { ConnectionIds } from '../../associations/connection-ids'
import type { DtlsCredentials } from '../../credentials'
import { DecodeError, HandshakeFailure } from '../../errors'
import { FragmentedHellos } from '../../hello/fragmented-hellos'
import { HalfOpen } from '../../hello/half-open'
import type { HandshakeHost } from '../handshake/host'
import type { ServerHandshakeHost } from './server-host'
import { helloMark } from '../handshake/outcome'
import { type CheckedHello, HelloGate } from './hello-gate'
import type { DtlsIdentity, WireAddress } from '../../identity'
import { LookupGate } from '../../lookups/lookup-gate'
import { buildAlert } from '../../wire/alert'
import { parseClientHello } from '../messages/client-hello'
import { negotiate } from './negotiation'
import { plainRecord, type RawRecord } from '../../records/record'
import type { PendingHandshakes } from '../../records/record-router'
import { ServerHandshake } from './server-handshake'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { SessionCache } from '../../sessions/session-cache'
import type { Settings } from '../../settings'
import type { Tally } from '../../tally'

/** Resources shared by the handshakes, and callbacks for their results. */
export interface HandshakesHost {
  readonly settings: Settings
  readonly clock: Scheduler
  readonly credentials: DtlsCredentials
  readonly sessions: SessionCache
  readonly connectionIds: ConnectionIds
  readonly tally: Tally
  output(datagram: Uint8Array, to: WireAddress): void
  established: HandshakeHost['established']
  /** A handshake was evicted; `group` is the address prefix with the most. */
  displaced(group: string): void
  report(from: WireAddress, claimed: DtlsIdentity | undefined, failure: HandshakeFailure): void
}

const DISPLACED = new HandshakeFailure(
  'displaced',
  'it was dropped: too many handshakes are in progress from there',
  undefined,
)

/** Hellos and the handshakes that they start, at most one per address. */
export class Handshakes implements PendingHandshakes {
  private readonly gate: HelloGate
  private readonly halfOpen: HalfOpen
  private readonly fragmentedHellos: FragmentedHellos
  private readonly handshakeHost: ServerHandshakeHost

  constructor(private readonly host: HandshakesHost) {
    const { settings, clock, credentials, sessions, connectionIds, tally } = host
    this.gate = new HelloGate(clock, settings.cookieLifetime)
    this.halfOpen = new HalfOpen(clock, settings.maxHalfOpen, settings.maxHalfOpenPerAddress)
    this.fragmentedHellos = new FragmentedHellos(clock)
    this.handshakeHost = {
      settings,
      clock,
      credentials,
      sessions,
      lookups: new LookupGate(settings.maxLookups),
      isCrowded: () => this.halfOpen.crowded,
      output: (datagram, to) => host.output(datagram, to),
      allocateConnectionId: (handshake) => connectionIds.allocate(handshake),
      established: (handshake, association, early) => {
        this.halfOpen.remove(addressKey(handshake.remote), handshake)
        host.established(handshake, association, early)
      },
      report: ({ remote, claimed }, failure) => host.report(remote, claimed, failure),
      ended: (handshake) => {
        this.halfOpen.remove(addressKey(handshake.remote), handshake)
        connectionIds.release(handshake.connectionIdKey, handshake)
      },
      dropped: (reason) => tally.dropped(reason),
      retransmitted: () => tally.retransmissions++,
    }
  }

  get count(): number {
    return this.halfOpen.size
  }

  at(key: string): PendingHandshake | undefined {
    return this.halfOpen.at(key)
  }

  /**
   * Ends the handshakes whose claimed identity is selected by `predicate`; all of them without it.
   */
  giveUp(failure: HandshakeFailure, predicate?: (identity: DtlsIdentity) => boolean): void {
    for (const handshake of [...this.halfOpen.values()]) {
      const { claimed } = handshake
      const picked = predicate === undefined || (claimed !== undefined && predicate(claimed))
      if (picked) handshake.giveUp(failure)
    }
  }

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
  ): void {
    const { tally } = this.host
    const outcome = this.gate.check(record, from)
    if (outcome.kind === 'dropped') {
      tally.dropped(outcome.reason)
      if (outcome.reason === 'fragmented-hello') this.tellFragmented(from)
      return
    }
    if (outcome.kind === 'verify') {
      tally.helloVerifyRequests++
      return this.host.output(outcome.datagram, from)
    }
    const { random } = outcome.checked.prefix
    const current = this.halfOpen.at(key)
    if (current !== undefined && Buffer.compare(current.clientRandom, random) === 0) {
      return current.repeatFlight()
    }
    if (living?.helloMark === helloMark(random)) return tally.dropped('replayed')
    current?.giveUp(
      new HandshakeFailure('replaced', 'the client restarted the handshake', undefined),
    )
    if (living === undefined && isFull) return tally.dropped('association-limit')
    if (!this.makeRoom(from)) return tally.dropped('half-open-limit')
    this.begin(outcome.checked, record, from, key)
  }

  private tellFragmented(from: WireAddress): void {
    const failure = this.fragmentedHellos.report(from.wireAddress)
    if (failure !== undefined) this.host.report(from, undefined, failure)
  }

  /**
   * Evicts a handshake if the limit is reached. @returns false if the sender has started too many
   * in too short a time
   */
  private makeRoom(from: WireAddress): boolean {
    const displaced = this.halfOpen.displacedBy(from)
    if (displaced === undefined) return true
    if (displaced === 'refused') return false
    displaced.handshake.giveUp(DISPLACED)
    this.host.displaced(displaced.group)
    return true
  }

  private begin(
    { fragment, prefix }: CheckedHello,
    record: RawRecord,
    from: WireAddress,
    key: string,
  ): void {
    const { settings, credentials, tally } = this.host
    tally.handshakesStarted++
    try {
      const hello = parseClientHello(fragment.body, prefix)
      const negotiated = negotiate(hello, settings, credentials)
      const message = { ...fragment, body: new Uint8Array(fragment.body) }
      const verified = { hello, message, recordSequence: record.sequence }
      const handshake = new ServerHandshake(this.handshakeHost, from, verified, negotiated)
      this.halfOpen.add(key, handshake)
      handshake.begin()
    } catch (error) {
      const failure =
        error instanceof DecodeError
          ? new HandshakeFailure('decode-error', error.message, Alert.decodeError)
          : error
      if (!(failure instanceof HandshakeFailure)) throw error
      if (failure.alert !== undefined) {
        const body = buildAlert(AlertLevel.fatal, failure.alert)
        this.host.output(plainRecord(ContentType.alert, record.sequence, body), from)
      }
      this.host.report(from, undefined, failure)
    }
  }
}
