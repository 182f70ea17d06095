import { type Scheduler, Timer } from '../../base/scheduler'
import type { TypedEmitter } from '../../base/events'
import type { Peer } from '../../transport/transport'
import type { AwakeWindows } from '../channel/awake-window'
import type { RegistrationState } from './registration-state'
import type { ServerWarning } from '../types'
import type { RegistrationBudgets } from './budgets'
import { type DeviceRegistration, expiryOf } from './device-registration'
import { duplicateAlarm } from './duplicate-alarm'
import { budgetedOf, NOTHING_CHANGED, objectChange, slackOf, stateOf } from './registration-changes'
import type { RegistrationEvents } from './registration-events'
import type { RegistrationPeers } from './registration-peers'
import type { RegistrationRepository } from './repository'

/** How registrations end and are renewed. */
export interface LifetimeSettings {
  /** How long a registration outlives its lifetime, seconds. */
  readonly grace: number
  /** Whether notifications and Sends restart the lifetime, as an Update does. */
  readonly renewOnReports: boolean
}

/**
 * The life of registrations: written before they are told (where they are kept), atomically replaced,
 * moved between peers, expired. Where they are not kept everything happens within the call.
 */
export class RegistrationLifecycle {
  private stopped = false

  constructor(
    private readonly clock: Scheduler,
    private readonly repository: RegistrationRepository,
    private readonly peers: RegistrationPeers,
    private readonly windows: AwakeWindows,
    private readonly budgets: RegistrationBudgets,
    private readonly settings: LifetimeSettings,
    private readonly events: Pick<TypedEmitter<RegistrationEvents>, 'emit'>,
    private readonly warn: (warning: ServerWarning) => void,
  ) {}

  /**
   * Puts a new registration in force, in place of the endpoint's earlier one.
   * @param previous that one, as the repository has it now
   * @throws BudgetExceeded; StoreError
   */
  register(
    registration: DeviceRegistration,
    previous: DeviceRegistration | undefined,
  ): void | Promise<void> {
    const { repository, clock, budgets } = this
    budgets.add(registration, previous)
    const alarm = duplicateAlarm(registration, previous, clock.now())
    if (alarm !== undefined) this.warn(alarm)
    if (!repository.isKept) return this.enter(registration, previous)
    return this.registerDurably(registration, previous)
  }

  private async registerDurably(
    registration: DeviceRegistration,
    previous: DeviceRegistration | undefined,
  ): Promise<void> {
    if (previous !== undefined) previous.closing = true
    const state = stateOf(registration)
    try {
      await this.repository.keep(registration, state)
    } catch (error) {
      this.budgets.remove(registration)
      if (previous !== undefined) this.reopen(previous)
      throw error
    }
    registration.durableUntil = state.durableUntil
    // Another one may have come into force meanwhile.
    this.enter(registration, this.repository.get(registration.endpoint))
  }

  private enter(registration: DeviceRegistration, previous: DeviceRegistration | undefined): void {
    // It was being written when the server stopped: it is there at the next start.
    if (this.stopped) return
    if (previous !== undefined) this.leave(previous, registration.peer)
    this.peers.enter(registration)
    this.restart(registration)
    this.windows.track(registration)
    this.events.emit('registered', registration, previous)
    if (previous !== undefined) this.budgets.remove(previous)
  }

  /**
   * Puts back a registration of an earlier run.
   * @throws BudgetExceeded
   */
  restore(registration: DeviceRegistration): void {
    const { repository, clock } = this
    this.budgets.add(registration)
    repository.add(registration)
    // Its association ended with the last run: the device has to come first.
    if (registration.peer.secure) repository.unbind(registration)
    const left = registration.expiresAt - clock.now()
    registration.expiry = new Expiry(this, registration)
    clock.schedule(registration.expiry, left + this.settings.grace * 1000)
    this.windows.trackAsleep(registration)
  }

  /**
   * The lifetime starts again, and nothing else changed.
   * @throws StoreError when the new expiry cannot be kept
   */
  renew(registration: DeviceRegistration): void | Promise<void> {
    const now = this.clock.now()
    if (
      !this.repository.isKept ||
      expiryOf(now, registration.lifetime) <= registration.durableUntil
    ) {
      registration.updatedAt = now
      this.restart(registration)
      this.events.emit('updated', registration, NOTHING_CHANGED)
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
    const { repository } = this
    const updatedAt = this.clock.now()
    this.budgets.take(budgetedOf(patch, registration), registration)
    if (!repository.isKept) return this.apply(registration, { ...patch, updatedAt })
    const lifetime = patch.lifetime ?? registration.lifetime
    const expiry = expiryOf(updatedAt, lifetime)
    const written = { ...patch, updatedAt, durableUntil: expiry + slackOf(lifetime) }
    // The Update came in time, however long the writing takes.
    this.restart(registration)
    return repository.keep(registration, { ...stateOf(registration), ...written }).then(
      () => this.apply(registration, written),
      (error: unknown) => {
        this.budgets.give(budgetedOf(patch, registration))
        registration.durableUntil = 0
        throw error
      },
    )
  }

  private apply(registration: DeviceRegistration, patch: Partial<RegistrationState>): void {
    // It may have ended while it was being written, or the server.
    if (registration.ended || this.stopped) {
      this.budgets.give(budgetedOf(patch, registration))
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
    if (peer !== undefined && peer !== registration.peer) this.peers.move(registration, peer)
    this.restart(registration)
    if (registration.queueMode !== before.queueMode) this.windows.track(registration)
    else registration.awakeWindow?.touch()
    this.events.emit('updated', registration, {
      address: before.address !== registration.peer,
      lifetime: before.lifetime !== registration.lifetime,
      binding:
        before.binding !== registration.binding || before.queueMode !== registration.queueMode,
      ...objectChange(before.list, registration.list),
    })
    this.budgets.give(replaced)
  }

  /** De-registers. @throws StoreError */
  deregister(registration: DeviceRegistration): void | Promise<void> {
    const { repository } = this
    if (!repository.isKept) return this.remove(registration, 'deregistered')
    registration.closing = true
    return repository.discard(registration).then(
      () => this.remove(registration, 'deregistered'),
      (error: unknown) => {
        this.reopen(registration)
        throw error
      },
    )
  }

  /**
   * The device notified or sent values on its own. Where that was chosen, its lifetime starts again;
   * the new expiry is kept without anybody waiting for it.
   */
  reported(registration: DeviceRegistration): void {
    if (!this.settings.renewOnReports || registration.closing || registration.ended) return
    registration.renewedAt = this.clock.now()
    this.restart(registration)
    if (!this.repository.isKept || registration.expiresAt <= registration.durableUntil) return
    registration.durableUntil = registration.expiresAt + slackOf(registration.lifetime)
    this.peers.keepState(registration, 'a new expiry')
  }

  /** What is still being written takes no effect here any more. */
  stop(): void {
    this.stopped = true
  }

  private leave(registration: DeviceRegistration, successor: Peer | undefined): void {
    this.clock.cancel(registration.expiry)
    this.windows.untrack(registration)
    this.peers.leave(registration, successor)
  }

  private remove(registration: DeviceRegistration, why: 'deregistered' | 'expired'): void {
    if (registration.ended || this.stopped) return
    this.leave(registration, undefined)
    this.repository.remove(registration)
    this.events.emit('removed', registration, why)
    this.budgets.remove(registration)
  }

  /** Its lifetime is over. */
  expire(registration: DeviceRegistration): void {
    const { repository } = this
    // Being replaced or removed: that decides.
    if (registration.closing || registration.ended || this.stopped) return
    if (!repository.isKept) {
      this.remove(registration, 'expired')
      return
    }
    registration.closing = true
    repository.discard(registration).then(
      () => this.remove(registration, 'expired'),
      (error: unknown) => {
        this.warn({
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
    if (registration.lifetime !== 0) this.clock.schedule(expiry, 0)
  }

  private restart(registration: DeviceRegistration): void {
    const { lifetime } = registration
    registration.expiry ??= new Expiry(this, registration)
    const wait = lifetime === 0 ? Infinity : (lifetime + this.settings.grace) * 1000
    this.clock.schedule(registration.expiry, wait)
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
