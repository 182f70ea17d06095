import { withQueue } from '../../lwm2m/binding'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { ServerResource } from '../../lwm2m/objects/server'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { ObjectLink, type Value } from '../../lwm2m/value'
import { type ResolvedAccount, SecurityModeValue } from './resolved-configuration'
import { isAfter10 } from './write-format'

/** The instances of one account on one device. */
export interface AccountInstances {
  /** /0/x */
  readonly security: number
  /** /1/x */
  readonly server: number
  /** /21/x, where the account has OSCORE. */
  readonly oscore: number | undefined
}

/** What proves a PSK account's identity: its own, or the one generated for it. */
export interface PskMaterial {
  readonly identity: Uint8Array
  readonly key: Uint8Array
}

/** The Security instance (Core E.1) of an account. Mandatory resources are written even where empty. */
export function securityRecords(
  account: ResolvedAccount,
  instances: AccountInstances,
  generated: PskMaterial | undefined,
): Record[] {
  const base = new Path([ObjectId.SECURITY, instances.security])
  const records = [
    value(base, 0, account.uri),
    value(base, 1, false),
    value(base, 2, SecurityModeValue[account.security]),
    value(base, 3, generated?.identity ?? account.publicKeyOrIdentity),
    value(base, 4, account.serverPublicKey),
    value(base, 5, generated?.key ?? account.secretKey),
    value(base, 10, account.shortServerId),
  ]
  if (instances.oscore !== undefined) {
    records.push(value(base, 17, new ObjectLink(ObjectId.OSCORE, instances.oscore)))
  }
  return [...records, ...relocate(account.securityRecords, base)]
}

/**
 * The Server instance (Core E.2) of an account.
 * @param version of the device; `Q` is part of the binding in 1.0 only (Core 1.1 §6.2.1.2)
 */
export function serverRecords(
  account: ResolvedAccount,
  instances: AccountInstances,
  version: string | undefined,
): Record[] {
  const base = new Path([ObjectId.SERVER, instances.server])
  const queue = account.queueMode && !isAfter10(version)
  const records = [
    value(base, ServerResource.SHORT_SERVER_ID, account.shortServerId),
    value(base, ServerResource.LIFETIME, account.lifetime),
    ...(account.minPeriod === undefined
      ? []
      : [value(base, ServerResource.DEFAULT_PMIN, account.minPeriod)]),
    ...(account.maxPeriod === undefined
      ? []
      : [value(base, ServerResource.DEFAULT_PMAX, account.maxPeriod)]),
    value(base, ServerResource.NOTIFICATION_STORING, account.notificationStoring),
    value(base, ServerResource.BINDING, queue ? withQueue(account.binding) : account.binding),
  ]
  return [...records, ...relocate(account.serverRecords, base)]
}

/** The OSCORE instance (object 21) of an account, empty where it has none. */
export function oscoreRecords(account: ResolvedAccount, instances: AccountInstances): Record[] {
  if (account.oscoreRecords === undefined || instances.oscore === undefined) return []
  return relocate(account.oscoreRecords, new Path([ObjectId.OSCORE, instances.oscore]))
}

function value(instance: Path, resource: number, of: Value): Record {
  return { path: instance.child(resource), value: of }
}

/** Records as if of one instance, as those of another. */
function relocate(records: readonly Record[], instance: Path): Record[] {
  return records.map((record) => ({
    ...record,
    path: new Path([...instance.ids, ...record.path.ids.slice(Level.INSTANCE)]),
  }))
}
