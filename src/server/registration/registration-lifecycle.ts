import { type Scheduler, Timer } from '../../base/scheduler'
import type { CoapEndpoint } from '../../coap/endpoint'
import { identityKey, type Peer } from '../../transport/transport'
import type { AwakeWindows } from '../channel/awake-window'
import type { RegistrationJournal, RegistrationState } from '../persistence/registration-journal'
import type { RegistrationChange, ServerWarning } from '../types'
import type { Budgeted, RegistrationBudgets } from './budgets'
import { type DeviceRegistration, expiryOf } from './device-registration'
import { duplicateAlarm } from './duplicate-alarm'
import { type ObjectList, pathsOf } from './object-lists'
import type { RegistrationAuthority } from './registration-authority'
import type { RegistrationTable } from './registration-registry'

/** What the rest of the server does when registrations come, change and go. */
export interface LifecycleHost {
  readonly clock: Scheduler
  readonly table: RegistrationTable
  readonly windows: AwakeWindows
  readonly journal: RegistrationJournal | undefined
  readonly budgets: RegistrationBudgets
  /** How long a registration outlives its lifetime, seconds. */
  readonly grace: number
  /** Whether notifications and Sends restart the lifetime, as an Update does. */
  readonly renewOnReports: boolean
  readonly authority: RegistrationAuthority
  /** Whether a device without security may be followed to a new address. */
  readonly learnAddress: boolean
  /** The endpoint that a peer speaks to. */
  coapOf(peer: Peer): CoapEndpoint | undefined
  /** In force; the reply is not sent yet. */
  onRegistered(registration: DeviceRegistration, previous: DeviceRegistration | undefined): void
  onUpdated(registration: DeviceRegistration, change: RegistrationChange): void
  /** It has another address or association; the message that said so is still to be dealt with. */
  onMoved(registration: DeviceRegistration): void
  /** Its association ended. */
  onDisconnected(registration: DeviceRegistration): void
  /** It was `awaiting-handshake` and has a new association. */
  onConnected(registration: DeviceRegistration): void
  /** Not in the table any more. */
  onRemoved(registration: DeviceRegistration, why: 'deregistered' | 'expired'): void
  warn(warning: ServerWarning): void
}

/**
 * How much longer than promised an expiry is written to disk, ms, so that the next Updates need no
 * write: what was promised is always covered, and after a crash a registration lives on by at most
 * this much.
 */
const DURABLE_SLACK = 60_000
/** After so long without a message from its old address, a device without security is taken to have left it, ms. */
const SILENCE = 5000
/** A quarter of a short lifetime is slack enough. */
const SLACK_PART = 4

/**
 * The life of registrations: written before they are told (where there is a journal), atomically
 * replaced, moved between peers, expired. Without a journal everything happens within the call.
 */
export class RegistrationLifecycle {
  private stopped = false

  constructor(private readonly host: LifecycleHost) {}

  /**
   * Puts a new registration in force, in place of the endpoint's earlier one.
   * @throws BudgetExceeded; StoreError
   */
  register(registration: DeviceRegistration): void | Promise<void> {
    const { journal, table, clock, warn, budgets } = this.host
    budgets.add(registration, table.get(registration.endpoint))
    const alarm = duplicateAlarm(registration, table.get(registration.endpoint), clock.now())
    if (alarm !== undefined) warn(alarm)
    if (journal === undefined) return this.enter(registration)
    return this.registerDurably(registration, journal)
  }

  private async registerDurably(
    registration: DeviceRegistration,
    journal: RegistrationJournal,
  ): Promise<void> {
    const previous = this.host.table.get(registration.endpoint)
    if (previous !== undefined) previous.closing = true
    const state = stateOf(registration)
    try {
      await journal.put(registration, state)
    } catch (error) {
      this.host.budgets.remove(registration)
      if (previous !== undefined) this.reopen(previous)
      throw error
    }
    registration.durableUntil = state.durableUntil
    this.enter(registration)
  }

  private enter(registration: DeviceRegistration): void {
    const { host } = this
    // It was being written when the server stopped: it is there at the next start.
    if (this.stopped) return
    const previous = host.table.get(registration.endpoint)
    if (previous !== undefined) this.leave(previous, registration.peer)
    const displaced = host.table.add(registration)
    if (displaced !== undefined) this.displace(displaced)
    host.coapOf(registration.peer)?.pin(registration.peer, true)
    this.restart(registration)
    host.windows.track(registration)
    host.onRegistered(registration, previous)
    if (previous !== undefined) host.budgets.remove(previous)
  }

  /**
   * Puts back a registration of an earlier run.
   * @throws BudgetExceeded
   */
  restore(registration: DeviceRegistration): void {
    const { host } = this
    host.budgets.add(registration)
    host.table.add(registration)
    // Its association ended with the last run: the device has to come first.
    if (registration.peer.secure) host.table.unbind(registration)
    const left = registration.expiresAt - host.clock.now()
    registration.expiry = new Expiry(this, registration)
    host.clock.schedule(registration.expiry, left + host.grace * 1000)
    host.windows.trackAsleep(registration)
  }

  /**
   * The lifetime starts again, and nothing else changed.
   * @throws StoreError when the new expiry cannot be kept
   */
  renew(registration: DeviceRegistration): void | Promise<void> {
    const { journal, clock } = this.host
    const now = clock.now()
    if (
      journal === undefined ||
      expiryOf(now, registration.lifetime) <= registration.durableUntil
    ) {
      registration.updatedAt = now
      this.restart(registration)
      this.host.onUpdated(registration, NOTHING_CHANGED)
      return
    }
    return this.change(registration, {})
  }

  /**
   * Changes a registration as an Update says.
   * @throws StoreError when it cannot be kept; what is on disk then, nobody knows: the next is written
   * @throws BudgetExceeded
   */
  change(
    registration: DeviceRegistration,
    patch: Partial<RegistrationState>,
  ): void | Promise<void> {
    const { journal, clock } = this.host
    const updatedAt = clock.now()
    this.host.budgets.take(budgetedOf(patch, registration), registration)
    if (journal === undefined) return this.apply(registration, { ...patch, updatedAt })
    const lifetime = patch.lifetime ?? registration.lifetime
    const expiry = expiryOf(updatedAt, lifetime)
    const written = { ...patch, updatedAt, durableUntil: expiry + slackOf(lifetime) }
    // The Update came in time, however long the writing takes.
    this.restart(registration)
    return journal.put(registration, { ...stateOf(registration), ...written }).then(
      () => this.apply(registration, written),
      (error: unknown) => {
        this.host.budgets.give(budgetedOf(patch, registration))
        registration.durableUntil = 0
        throw error
      },
    )
  }

  private apply(registration: DeviceRegistration, patch: Partial<RegistrationState>): void {
    const { host } = this
    // It may have ended while it was being written, or the server.
    if (registration.ended || this.stopped) {
      host.budgets.give(budgetedOf(patch, registration))
      return
    }
    const replaced = budgetedOf(patch, registration, registration)
    const before = {
      address: registration.peer,
      lifetime: registration.lifetime,
      binding: registration.binding,
      queueMode: registration.queueMode,
      list: registration.list,
    }
    const { peer, ...rest } = patch
    Object.assign(registration, rest)
    if (peer !== undefined && peer !== registration.peer) this.move(registration, peer)
    this.restart(registration)
    if (registration.queueMode !== before.queueMode) host.windows.track(registration)
    else registration.awakeWindow?.touch()
    host.onUpdated(registration, {
      address: before.address !== registration.peer,
      lifetime: before.lifetime !== registration.lifetime,
      binding:
        before.binding !== registration.binding || before.queueMode !== registration.queueMode,
      ...objectChange(before.list, registration.list),
    })
    host.budgets.give(replaced)
  }

  /** De-registers. @throws StoreError */
  deregister(registration: DeviceRegistration): void | Promise<void> {
    const { journal } = this.host
    if (journal === undefined) return this.remove(registration, 'deregistered')
    registration.closing = true
    return journal.delete(registration.endpoint).then(
      () => this.remove(registration, 'deregistered'),
      (error: unknown) => {
        this.reopen(registration)
        throw error
      },
    )
  }

  /**
   * The registration that speaks from a peer. A new association of an identity that is one device's
   * means that the old one was lost, or this server restarted: the registration moves there.
   */
  speaker(peer: Peer): DeviceRegistration | undefined {
    const registration = this.host.table.byPeer(peer) ?? this.ofIdentity(peer)
    if (registration !== undefined && registration.peer !== peer) this.move(registration, peer)
    return registration
  }

  /** Its device has a new association, made by a handshake that this server began. */
  reconnected(registration: DeviceRegistration, peer: Peer): void {
    if (registration.peer !== peer) this.move(registration, peer)
    registration.queue?.pump()
  }

  /** A message of whatever kind came and was dealt with. */
  activity(peer: Peer): void {
    const registration = this.speaker(peer)
    if (registration === undefined) return
    registration.lastSeen = this.host.clock.now()
    registration.awakeWindow?.touch()
    registration.queue?.pump()
  }

  /**
   * A response or notification came from a peer that was asked nothing; `holders` observe under its
   * token. What a secured device is known by is its identity. Without security it is the token, which
   * nobody else can know: the registration moves once its old address has been silent; until then
   * only the message is taken.
   * @returns the peer it is to be taken as from
   */
  claim(peer: Peer, holders: readonly Peer[]): Peer | undefined {
    const { table, clock, learnAddress } = this.host
    const present = table.byPeer(peer)
    if (peer.secure) {
      if (present !== undefined) return undefined
      const registration = this.ofIdentity(peer) ?? this.ofHolder(peer, holders)
      if (registration === undefined) return undefined
      this.move(registration, peer)
      return peer
    }
    const [holder] = holders
    const registration = holder && table.byPeer(holder)
    if (holder === undefined || registration === undefined || holder.secure || !learnAddress) {
      return undefined
    }
    if (present !== undefined || clock.now() - registration.lastSeen < SILENCE) return holder
    this.move(registration, peer)
    this.keepState(registration, 'a new address')
    return peer
  }

  /** A secure association ended: nothing can be sent to the device until it is back. */
  peerGone(peer: Peer): void {
    const { host } = this
    const registration = host.table.byPeer(peer)
    if (registration === undefined) return
    host.table.unbind(registration)
    if (registration.state === 'awaiting-handshake') host.onDisconnected(registration)
  }

  /** The one registration that a secured peer can be of. */
  private ofIdentity(peer: Peer): DeviceRegistration | undefined {
    const { table, authority } = this.host
    if (!peer.secure) return undefined
    const registration = table.byIdentity(peer)
    if (registration === undefined || authority.isShared?.(peer.identity) === true) return undefined
    return registration
  }

  /** Of those that share an identity, the one that observes under a token. */
  private ofHolder(peer: Peer, holders: readonly Peer[]): DeviceRegistration | undefined {
    for (const registration of this.host.table.allByIdentity(peer)) {
      if (holders.some(({ id }) => id === registration.peer.id)) return registration
    }
    return undefined
  }

  /** Writes what a registration has become; nobody waits for it. */
  private keepState(registration: DeviceRegistration, what: string): void {
    const { journal, warn } = this.host
    journal?.put(registration, stateOf(registration)).catch((error: unknown) => {
      warn({
        code: 'store-failed',
        message: `${what} could not be kept: ${String(error)}`,
        endpoint: registration.endpoint,
      })
    })
  }

  /** Whether two peers are, as far as can be told, the same device. */
  static isSameDevice(a: Peer, b: Peer): boolean {
    if (a.secure !== b.secure) return false
    return !a.secure || identityKey(a.identity) === identityKey(b.identity)
  }

  /** Whether a device answers a ping; it is given one retransmission. */
  async answersPing({ peer }: DeviceRegistration): Promise<boolean> {
    try {
      await this.host.coapOf(peer)?.ping(peer, { maxRetransmit: 1 })
      return this.host.coapOf(peer) !== undefined
    } catch {
      return false
    }
  }

  /**
   * The device notified or sent values on its own. Where that was chosen, its lifetime starts again;
   * the new expiry is kept without anybody waiting for it.
   */
  reported(registration: DeviceRegistration): void {
    const { host } = this
    if (!host.renewOnReports || registration.closing || registration.ended) return
    registration.renewedAt = host.clock.now()
    this.restart(registration)
    if (host.journal === undefined || registration.expiresAt <= registration.durableUntil) return
    registration.durableUntil = registration.expiresAt + slackOf(registration.lifetime)
    this.keepState(registration, 'a new expiry')
  }

  /** What is still being written takes no effect here any more. */
  stop(): void {
    this.stopped = true
  }

  /** What is pending, observed and block-wise at the old peer follows to the new one. */
  private move(registration: DeviceRegistration, peer: Peer): void {
    const { table } = this.host
    const from = registration.peer
    const coap = this.host.coapOf(peer)
    const wasOnline = registration.state !== 'awaiting-handshake'
    const displaced = table.move(registration, peer)
    if (displaced !== undefined) this.displace(displaced)
    coap?.migrate(from, peer)
    if (from.id !== peer.id) coap?.pin(from, false)
    coap?.pin(peer, true)
    this.host.onMoved(registration)
    if (!wasOnline) this.host.onConnected(registration)
  }

  /** Another device has this one's address now: what was on its way must not reach it there. */
  private displace(registration: DeviceRegistration): void {
    const { peer } = registration
    this.host
      .coapOf(peer)
      ?.abort(peer, `the address of ${registration.endpoint} belongs to another device now`)
  }

  private leave(registration: DeviceRegistration, successor: Peer | undefined): void {
    const { peer } = registration
    this.host.clock.cancel(registration.expiry)
    this.host.windows.untrack(registration)
    // Where it was displaced, the address is another device's; an association that ended is nobody's.
    if (!registration.bound && !peer.secure) return
    const coap = this.host.coapOf(peer)
    coap?.abort(peer, `${registration.endpoint} registered anew or is gone`)
    if (successor?.id !== peer.id) coap?.pin(peer, false)
  }

  private remove(registration: DeviceRegistration, why: 'deregistered' | 'expired'): void {
    if (registration.ended || this.stopped) return
    this.leave(registration, undefined)
    this.host.table.remove(registration)
    this.host.onRemoved(registration, why)
    this.host.budgets.remove(registration)
  }

  /** Its lifetime is over. */
  expire(registration: DeviceRegistration): void {
    const { journal } = this.host
    // Being replaced or removed: that decides.
    if (registration.closing || registration.ended || this.stopped) return
    if (journal === undefined) {
      this.remove(registration, 'expired')
      return
    }
    registration.closing = true
    journal.delete(registration.endpoint).then(
      () => this.remove(registration, 'expired'),
      (error: unknown) => {
        this.host.warn({
          code: 'store-failed',
          message: `the end of the registration cannot be kept: ${String(error)}`,
          endpoint: registration.endpoint,
        })
        this.remove(registration, 'expired')
      },
    )
  }

  /** What should have ended it could not be written, or was written in part: its next Update is written. */
  private reopen(registration: DeviceRegistration): void {
    registration.closing = false
    registration.durableUntil = 0
    const { expiry } = registration
    if (registration.ended || this.stopped || expiry === undefined || expiry.isScheduled) return
    // It may have fallen due meanwhile.
    if (registration.lifetime !== 0) this.host.clock.schedule(expiry, 0)
  }

  private restart(registration: DeviceRegistration): void {
    const { lifetime } = registration
    registration.expiry ??= new Expiry(this, registration)
    const wait = lifetime === 0 ? Infinity : (lifetime + this.host.grace) * 1000
    this.host.clock.schedule(registration.expiry, wait)
  }
}

/** The end of a registration's lifetime. */
class Expiry extends Timer {
  constructor(
    private readonly lifecycle: RegistrationLifecycle,
    private readonly registration: DeviceRegistration,
  ) {
    super()
  }

  onTimer(): void {
    this.lifecycle.expire(this.registration)
  }
}

/** How much longer an expiry is written than promised, ms. @param lifetime seconds */
function slackOf(lifetime: number): number {
  return Math.min(DURABLE_SLACK, (lifetime * 1000) / SLACK_PART)
}

const NOTHING_CHANGED: RegistrationChange = Object.freeze({
  address: false,
  lifetime: false,
  binding: false,
  objects: false,
  added: Object.freeze([]),
  removed: Object.freeze([]),
})

/** What a change takes of the budgets, or (of the present state) what it gives back. */
function budgetedOf(
  patch: Partial<RegistrationState>,
  { peer }: DeviceRegistration,
  state: Partial<RegistrationState> = patch,
): Budgeted {
  return {
    list: patch.list && state.list,
    attributes: patch.attributes && state.attributes,
    lifetime: patch.lifetime === undefined ? undefined : state.lifetime,
    peer,
  }
}

function objectChange(
  before: ObjectList,
  after: ObjectList,
): Pick<RegistrationChange, 'objects' | 'added' | 'removed'> {
  if (before === after) return { objects: false, added: [], removed: [] }
  const [from, to] = [pathsOf(before), pathsOf(after)]
  return {
    objects: true,
    added: [...to].filter((path) => !from.has(path)),
    removed: [...from].filter((path) => !to.has(path)),
  }
}

function stateOf(registration: DeviceRegistration): RegistrationState {
  const { peer, list, lifetime, binding, queueMode, sms, profileId, attributes, updatedAt } =
    registration
  return {
    peer,
    list,
    lifetime,
    binding,
    queueMode,
    sms,
    profileId,
    attributes,
    updatedAt,
    durableUntil: Math.max(registration.durableUntil, registration.expiresAt),
  }
}
