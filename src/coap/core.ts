import type { WarningCode } from '../base/codes'
import type { Clock } from '../base/clock'
import { describeError } from '../base/guard'
import { Scheduler } from '../base/scheduler'
import type { Transport, Peer } from '../transport/transport'
import { BodyBudget } from './blockwise/body-budget'
import { DuplicateLog } from './messages/duplicates'
import { PeerTable, type PeerState } from './peers'
import type { Settings } from './settings'
import type { CoapStats } from './stats'
import { TokenTable } from './messages/tokens'
import type { CoapTrace } from './types'
import { traceOf } from './messages/trace'

/** Something worth an operator's notice; the endpoint itself goes on. */
export interface CoapWarning {
  /**
   * `malformed`, `bad-option`, `handler-failed`, `listener-failed`, `notification-incomplete`,
   * `unexpected`, `send-failed`, `transport` or `internal`.
   */
  readonly code: WarningCode
  readonly message: string
  readonly peer?: Peer
  /** The datagram in question. */
  readonly raw?: Uint8Array
}

/** Warnings let through per second: a flood of bad datagrams must not become a flood of events. */
const WARNINGS_PER_SECOND = 50

/** What the layers of one endpoint share. */
export class Core {
  /** Every timer, detached promise and late callback of the endpoint. */
  readonly scheduler: Scheduler
  readonly peers: PeerTable
  readonly duplicates: DuplicateLog
  readonly tokens = new TokenTable()
  /** Unfinished bodies that come in, of all peers. */
  readonly incoming: BodyBudget
  /** Bodies kept to be fetched block by block, of all peers. */
  readonly outgoing: BodyBudget
  readonly stats: CoapStats

  /** Late answers of slow handlers go nowhere then. */
  stopped = false

  onWarning: (warning: CoapWarning) => void = () => {}
  onTrace: ((trace: CoapTrace) => void) | undefined = undefined

  private warningSecond = 0
  private warnings = 0

  constructor(
    readonly transport: Transport,
    readonly clock: Clock,
    readonly settings: Settings,
    onForgotten: (state: PeerState) => void,
  ) {
    this.scheduler = new Scheduler(clock, (error, where) =>
      this.warn('internal', `${where}: ${describeError(error)}`),
    )
    this.peers = new PeerTable(settings.maxStrangers, onForgotten)
    this.duplicates = new DuplicateLog(settings.duplicatesPerPeer, settings.exchangeLifetime)
    this.incoming = new BodyBudget(settings.maxBodies)
    this.outgoing = new BodyBudget(settings.maxBodies)
    const { peers } = this
    this.stats = {
      received: 0,
      sent: 0,
      retransmitted: 0,
      duplicates: 0,
      malformed: 0,
      resets: 0,
      rejected: 0,
      requestsIn: 0,
      requestsOut: 0,
      notifications: 0,
      stale: 0,
      timeouts: 0,
      suppressedWarnings: 0,
      get peers() {
        return peers.size
      },
    }
  }

  /** @throws PeerGone and what else the transport throws */
  send(state: PeerState, datagram: Buffer, repeated = false): void {
    this.sendTo(state.peer, datagram, repeated)
  }

  /** @throws PeerGone and what else the transport throws */
  sendTo(peer: Peer, datagram: Buffer, repeated = false): void {
    this.transport.send(peer, datagram)
    this.stats.sent++
    if (repeated) this.stats.retransmitted++
    if (this.onTrace !== undefined) this.trace('out', peer, datagram, repeated)
  }

  /** For replies, where nobody waits to be told: a failure is a warning. */
  trySendTo(peer: Peer, datagram: Buffer, repeated = false): boolean {
    try {
      this.sendTo(peer, datagram, repeated)
      return true
    } catch (error) {
      this.warn('send-failed', describe(error), peer)
      return false
    }
  }

  trace(direction: 'in' | 'out', peer: Peer, datagram: Buffer, repeated: boolean): void {
    try {
      const trace = traceOf(direction, peer, this.clock.now(), datagram, repeated)
      if (trace !== undefined) this.onTrace?.(trace)
    } catch (error) {
      this.warn('listener-failed', `onTrace: ${describe(error)}`, peer)
    }
  }

  /** Never throws. */
  warn(code: WarningCode, message: string, peer?: Peer, raw?: Uint8Array): void {
    const second = Math.floor(this.clock.monotonic() / 1000)
    if (second !== this.warningSecond) {
      this.warningSecond = second
      this.warnings = 0
    }
    if (++this.warnings > WARNINGS_PER_SECOND) {
      this.stats.suppressedWarnings++
      return
    }
    try {
      this.onWarning({ code, message, peer, raw })
    } catch {
      // Whoever listens for warnings has nowhere to be warned of its own failure.
    }
  }
}

/** What was thrown, for a warning's text. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
