import { onAbort } from '../../../base/guard'
import type { Scheduler, Timer } from '../../../base/scheduler'
import type { Association } from '../../associations/association'
import { addressKey, sameIdentity } from '../../associations/associations'
import type { ConnectionIds } from '../../associations/connection-ids'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { ConnectOptions, DtlsClientCredentials } from '../../client-credentials'
import { HandshakeFailure } from '../../errors'
import type { DtlsIdentity, WireAddress } from '../../identity'
import { LookupGate } from '../../lookups/lookup-gate'
import type { DtlsSession } from '../../sessions/session'
import { bytesKey } from '../../sessions/session-cache'
import type { Settings } from '../../settings'
import type { Tally } from '../../tally'
import type { HandshakeHost } from '../handshake/host'
import { ClientHandshake } from './client-handshake'
import type { ClientHandshakeHost } from './client-host'

/** Number of servers whose last session is kept. */
const MOST_SESSIONS = 64

/** Resources shared by the handshakes, and callbacks for their results. */
export interface ClientHandshakesHost {
  readonly settings: Settings
  readonly clock: Scheduler
  readonly connectionIds: ConnectionIds
  readonly tally: Tally
  output(datagram: Uint8Array, to: WireAddress): void
  established: HandshakeHost['established']
  /** Whether the peer at this address has its own handshake in progress. */
  isPeerShaking(key: string): boolean
}

/** A pending call of `connect`. */
interface Attempt {
  readonly key: string
  readonly credentials: DtlsClientCredentials
  handshake: ClientHandshake | undefined
  failure: HandshakeFailure | undefined
  timer: Timer | undefined
  settle(outcome: Association | HandshakeFailure): void
}

/** The handshakes in the client role, at most one per address. */
export class ClientHandshakes {
  private readonly attempts = new Map<string, Attempt>()
  /**
   * The last session with each server, by address; it belongs to the credentials with which it was
   * made.
   */
  private readonly sessions = new Map<
    string,
    { readonly credentials: DtlsClientCredentials; readonly session: DtlsSession }
  >()
  private readonly handshakeHost: ClientHandshakeHost

  constructor(private readonly host: ClientHandshakesHost) {
    const { settings, clock, connectionIds, tally } = host
    const release = (handshake: PendingHandshake): void =>
      connectionIds.release(handshake.connectionIdKey, handshake)
    this.handshakeHost = {
      settings,
      clock,
      lookups: new LookupGate(settings.maxLookups),
      output: (datagram, to) => host.output(datagram, to),
      allocateConnectionId: (handshake) => connectionIds.allocate(handshake),
      releaseConnectionId: release,
      keepSession: (handshake, session) => this.keepSession(handshake, session),
      established: (handshake, association, early) =>
        host.established(handshake, association, early),
      report: (handshake, failure) => {
        tally.failed(failure.code)
        const attempt = this.attemptOf(handshake)
        if (attempt !== undefined) attempt.failure = failure
      },
      ended: (handshake) => {
        release(handshake)
        const attempt = this.attemptOf(handshake)
        if (attempt?.failure === undefined) return
        this.forget(attempt)
        // The peer's own handshake replaced it: its result counts.
        if (attempt.failure.code === 'replaced') attempt.handshake = undefined
        else attempt.settle(attempt.failure)
      },
      dropped: (reason) => tally.dropped(reason),
      retransmitted: () => tally.retransmissions++,
    }
  }

  get count(): number {
    return this.attempts.size
  }

  at(key: string): ClientHandshake | undefined {
    return this.attempts.get(key)?.handshake
  }

  /**
   * Performs a handshake with the server at an address; concurrent calls share it.
   * @throws HandshakeFailure
   */
  connect(to: WireAddress, options: ConnectOptions): Promise<Association> {
    const key = addressKey(to)
    if (this.attempts.size >= this.host.settings.maxHalfOpen) {
      return Promise.reject(
        new HandshakeFailure('handshake-timeout', 'too many handshakes are in progress', undefined),
      )
    }
    this.attempts.get(key)?.settle(replaced('another attempt began'))
    return new Promise((resolve, reject) => {
      this.begin(key, to, options, (outcome) => {
        if (outcome instanceof HandshakeFailure) reject(outcome)
        else resolve(outcome)
      })
    })
  }

  /** A new association was established at an address, by a handshake of either side. */
  onAssociation(key: string, association: Association): void {
    const attempt = this.attempts.get(key)
    if (attempt === undefined) return
    if (association.role === 'client' || fits(association, attempt.credentials)) {
      attempt.settle(association)
    } else {
      attempt.settle(replaced('another device is at this address'))
    }
  }

  /** The association of a handshake could not be kept. */
  onRefused(key: string): void {
    const reason = 'the limit of associations is reached'
    this.attempts.get(key)?.settle(new HandshakeFailure('internal-error', reason, undefined))
  }

  /** The peer started its own handshake (with a valid cookie): it takes precedence. */
  onPeerHello(key: string): void {
    this.at(key)?.giveUp(replaced('the peer began a handshake of its own'))
  }

  /**
   * Ends the handshakes whose peer claims an identity selected by `predicate`; all of them without
   * it.
   */
  giveUp(failure: HandshakeFailure, predicate?: (identity: DtlsIdentity) => boolean): void {
    for (const attempt of [...this.attempts.values()]) {
      const claimed = attempt.handshake?.claimed
      const picked = predicate === undefined || (claimed !== undefined && predicate(claimed))
      if (picked) attempt.settle(failure)
    }
  }

  /** The session must not be resumed any more (RFC 5246 §7.2.2). */
  forgetSession(association: Association): void {
    const key = addressKey(association)
    const kept = this.sessions.get(key)
    if (kept !== undefined && bytesKey(kept.session.id) === association.sessionKey) {
      this.sessions.delete(key)
    }
  }

  private begin(
    key: string,
    to: WireAddress,
    options: ConnectOptions,
    done: (outcome: Association | HandshakeFailure) => void,
  ): void {
    const { clock, settings, tally } = this.host
    const { credentials, signal, timeout = settings.handshakeTimeout } = options
    const abort = (): void => attempt.settle(stopped())
    let forgetSignal: (() => void) | undefined
    const attempt: Attempt = {
      key,
      credentials,
      handshake: undefined,
      failure: undefined,
      timer: undefined,
      settle: (outcome) => {
        if (this.attempts.get(key) !== attempt) return
        this.attempts.delete(key)
        clock.cancel(attempt.timer)
        forgetSignal?.()
        if (outcome instanceof HandshakeFailure) attempt.handshake?.giveUp(outcome)
        done(outcome)
      },
    }
    if (signal?.aborted === true) return done(stopped())
    if (!this.host.isPeerShaking(key)) {
      const session = options.resume === false ? undefined : this.sessionWith(credentials, key)
      try {
        attempt.handshake = new ClientHandshake(this.handshakeHost, to, options, session)
      } catch (error) {
        if (!(error instanceof HandshakeFailure)) throw error
        return done(error)
      }
      tally.handshakesStarted++
    }
    this.attempts.set(key, attempt)
    if (signal !== undefined) forgetSignal = onAbort(signal, abort)
    // The handshake has its own deadline; this one applies when the peer's handshake replaces it.
    attempt.timer = clock.after(timeout, () => attempt.settle(outOfTime()))
    attempt.handshake?.begin()
  }

  private attemptOf(handshake: PendingHandshake): Attempt | undefined {
    const attempt = this.attempts.get(addressKey(handshake.remote))
    return attempt?.handshake === handshake ? attempt : undefined
  }

  private sessionWith(credentials: DtlsClientCredentials, key: string): DtlsSession | undefined {
    const kept = this.sessions.get(key)
    if (kept === undefined || kept.credentials !== credentials) return undefined
    return this.host.clock.now() < kept.session.expiresAt ? kept.session : undefined
  }

  private keepSession(handshake: PendingHandshake, session: DtlsSession | undefined): void {
    const attempt = this.attemptOf(handshake)
    if (attempt === undefined || this.host.settings.maxSessions === 0) return
    const { sessions } = this
    sessions.delete(attempt.key)
    if (session === undefined) return
    for (const oldest of sessions.keys()) {
      if (sessions.size < MOST_SESSIONS) break
      sessions.delete(oldest)
    }
    sessions.set(attempt.key, { credentials: attempt.credentials, session })
  }

  /** A session that failed is not offered again. */
  private forget({ key }: Attempt): void {
    this.sessions.delete(key)
  }
}

function fits(association: Association, { psk }: DtlsClientCredentials): boolean {
  if (association.identity.kind !== 'psk') return psk === undefined
  return psk !== undefined && sameIdentity(association.identity, { kind: 'psk', ...psk })
}

function replaced(reason: string): HandshakeFailure {
  return new HandshakeFailure('replaced', reason, undefined)
}

function stopped(): HandshakeFailure {
  return new HandshakeFailure('stopped', 'the attempt was stopped', undefined)
}

function outOfTime(): HandshakeFailure {
  return new HandshakeFailure('handshake-timeout', 'no handshake succeeded in time', undefined)
}
