import type { Clock } from '../../base/clock'
import { BudgetExceeded, type RegistrationBudgets } from '../registration/budgets'
import { DeviceRegistration, expiryOf } from '../registration/device-registration'
import type { ObjectList, ObjectLists } from '../registration/object-lists'
import type { RegistrationLifecycle } from '../registration/registration-lifecycle'
import type { ServerWarning } from '../types'
import type { RegistrationJournal, StoredRegistration } from './registration-journal'

export interface RestoreHost {
  readonly clock: Clock
  readonly journal: RegistrationJournal
  readonly lists: ObjectLists
  readonly lifecycle: RegistrationLifecycle
  readonly budgets: RegistrationBudgets
  /** Seconds. */
  readonly grace: number
  warn(warning: ServerWarning): void
}

/** Expiries are forgotten in groups of this size. */
const GROUP = 1000

/**
 * Puts back the registrations that were kept, with the lifetime they have left. The store hands them
 * out in small portions, so that the event loop goes on. What the budgets have no room for stays in
 * the store, for the next start or the next Register of its device.
 * @returns those whose lifetime ended meanwhile; they are not kept any more, but count in the budgets
 * @throws StoreError
 */
export async function restoreRegistrations(host: RestoreHost): Promise<DeviceRegistration[]> {
  const { clock, journal, lifecycle, budgets, warn } = host
  const expired: DeviceRegistration[] = []
  const ended: string[] = []
  let left = 0
  /** Why, by the budget. */
  const reasons = new Set<string>()
  const fits = (add: () => void): boolean => {
    try {
      add()
      return true
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error
      reasons.add(error.budget.description)
      return false
    }
  }
  for await (const stored of journal.list()) {
    const registration = stored === undefined ? undefined : revive(stored, host)
    if (registration === undefined) {
      warn({ code: 'registration-unreadable', message: 'a kept registration cannot be read' })
    } else if (registration.durableUntil + host.grace * 1000 <= clock.now()) {
      ended.push(registration.endpoint)
      if (fits(() => budgets.add(registration))) expired.push(registration)
    } else if (!fits(() => lifecycle.restore(registration))) left++
  }
  if (left > 0) {
    warn({
      code: 'not-restored',
      message: `${left} registrations were not restored and stay in the store: ${[...reasons].join(', ')}`,
    })
  }
  for (let at = 0; at < ended.length; at += GROUP) {
    await journal.deleteAll(ended.slice(at, at + GROUP))
  }
  return expired
}

function revive(stored: StoredRegistration, host: RestoreHost): DeviceRegistration | undefined {
  const { lifetime, durableUntil } = stored
  let list: ObjectList
  try {
    list = host.lists.parseText(stored.listText, stored.version)
  } catch {
    return undefined
  }
  const registration = new DeviceRegistration(
    stored.id,
    stored.endpoint,
    stored.peer,
    list,
    stored,
    lifetime,
    stored.registeredAt,
  )
  // What was promised may reach further than the last Update that was written says.
  const latest = lifetime === 0 ? stored.updatedAt : durableUntil - lifetime * 1000
  registration.updatedAt = Math.min(host.clock.now(), Math.max(stored.updatedAt, latest))
  registration.lastSeen = stored.updatedAt
  registration.durableUntil = Math.min(durableUntil, expiryOf(host.clock.now(), lifetime))
  if (durableUntil <= host.clock.now()) registration.durableUntil = durableUntil
  return registration
}
