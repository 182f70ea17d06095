import type { AccountInstances } from './account-records'
import type { DeviceState, DiscoveredSecurity } from './device-state'
import type { Plan } from './plan'
import type { ResolvedAccount } from './resolved-configuration'
import { ObjectId } from '../../lwm2m/objects/object-id'

/** Devices whose instances are remembered. */
const MAX_DEVICES = 10_000

/** What a device has after a plan was carried out on what it had before. */
export function stateAfter(
  before: DeviceState,
  plan: Plan,
  accounts: readonly ResolvedAccount[],
): DeviceState {
  const isGone = (object: number, instance: number): boolean =>
    plan.steps.some(
      ({ operation, path }) =>
        operation === 'delete' &&
        (path.object === undefined || path.object === object) &&
        (path.instance === undefined || path.instance === instance),
    )
  const objects = new Map<number, number[]>()
  for (const [object, instances] of before.objects) {
    objects.set(
      object,
      instances.filter((instance) => !isGone(object, instance)),
    )
  }
  const security = new Map<number, DiscoveredSecurity>()
  for (const one of before.security) {
    if (!isGone(ObjectId.SECURITY, one.instance)) security.set(one.instance, one)
  }
  const servers = new Map(
    [...before.servers].filter(([, instance]) => !isGone(ObjectId.SERVER, instance)),
  )
  const add = (object: number, instance: number): void => {
    const instances = objects.get(object)
    if (instances === undefined) objects.set(object, [instance])
    else if (!instances.includes(instance)) instances.push(instance)
  }
  for (const step of plan.steps) {
    const { object, instance } = step.path
    if (step.operation === 'write' && object !== undefined && instance !== undefined) {
      add(object, instance)
    }
  }
  for (const [at, { shortServerId }] of accounts.entries()) {
    const ids = plan.instances[at] as AccountInstances
    add(ObjectId.SECURITY, ids.security)
    add(ObjectId.SERVER, ids.server)
    if (ids.oscore !== undefined) add(ObjectId.OSCORE, ids.oscore)
    security.set(ids.security, { instance: ids.security, shortServerId })
    servers.set(shortServerId, ids.server)
  }
  return { version: before.version, objects, security: [...security.values()], servers }
}

/** What devices have, as they said it in an earlier session; the latest 10,000. */
export class KnownDevices {
  private readonly states = new Map<string, DeviceState>()

  get(endpoint: string): DeviceState | undefined {
    return this.states.get(endpoint)
  }

  /** @param state undefined: what was known may not hold any more */
  set(endpoint: string, state: DeviceState | undefined): void {
    this.states.delete(endpoint)
    if (state === undefined) return
    this.states.set(endpoint, state)
    if (this.states.size <= MAX_DEVICES) return
    for (const oldest of this.states.keys()) {
      this.states.delete(oldest)
      break
    }
  }
}
