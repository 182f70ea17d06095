import type { Clock } from '../../base/clock'
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
  /** Seconds. */
  readonly grace: number
  warn(warning: ServerWarning): void
}

/** Expiries are forgotten in groups of this size. */
const GROUP = 1000

/**
 * Puts back the registrations that were kept, with the lifetime they have left. The store hands them
 * out in small portions, so that the event loop goes on.
 * @returns those whose lifetime ended meanwhile; they are not kept any more
 * @throws StoreError
 */
export async function restoreRegistrations(host: RestoreHost): Promise<DeviceRegistration[]> {
  const { clock, journal, lifecycle, warn } = host
  const expired: DeviceRegistration[] = []
  for await (const stored of journal.list()) {
    const registration = stored === undefined ? undefined : revive(stored, host)
    if (registration === undefined) {
      warn({ code: 'registration-unreadable', message: 'a kept registration cannot be read' })
    } else if (registration.durableUntil + host.grace * 1000 <= clock.now()) {
      expired.push(registration)
    } else {
      lifecycle.restore(registration)
    }
  }
  for (let at = 0; at < expired.length; at += GROUP) {
    await journal.deleteAll(expired.slice(at, at + GROUP).map(({ endpoint }) => endpoint))
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
