import type { RegistrationState } from './registration-state'
import type { RegistrationChange } from '../types'
import type { Budgeted } from './budgets'
import type { DeviceRegistration } from './device-registration'
import { type ObjectList, pathsOf } from './object-lists'

/**
 * How much longer than promised an expiry is written to disk, ms, so that the next Updates need no
 * write: what was promised is always covered, and after a crash a registration lives on by at most
 * this much.
 */
const DURABLE_SLACK = 60_000
/** A quarter of a short lifetime is slack enough. */
const SLACK_PART = 4

/** How much longer an expiry is written than promised, ms. @param lifetime seconds */
export function slackOf(lifetime: number): number {
  return Math.min(DURABLE_SLACK, (lifetime * 1000) / SLACK_PART)
}

/** Of an Update that only restarts the lifetime. */
export const NOTHING_CHANGED: RegistrationChange = Object.freeze({
  address: false,
  lifetime: false,
  binding: false,
  objects: false,
  added: Object.freeze([]),
  removed: Object.freeze([]),
})

/** What a change takes of the budgets, or (of the present state) what it gives back. */
export function budgetedOf(
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

export function objectChange(
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

export function stateOf(registration: DeviceRegistration): RegistrationState {
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
