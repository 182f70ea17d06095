import { ObjectId } from '../../lwm2m/objects/object-id'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import {
  type AccountInstances,
  oscoreRecords,
  type PskMaterial,
  securityRecords,
  serverRecords,
} from './account-records'
import { bootstrapAccounts, type DeviceState } from './device-state'
import { chooseInstances } from './instance-ids'
import type { ResolvedConfiguration, ResolvedWrite } from './resolved-configuration'

/** One request of a bootstrap session. */
export type Step =
  | { readonly operation: 'read'; readonly path: Path }
  | { readonly operation: 'delete'; readonly path: Path }
  | { readonly operation: 'write'; readonly path: Path; readonly records: readonly Record[] }
  | { readonly operation: 'finish'; readonly path: Path }

/** What will be sent, in order. */
export interface Plan {
  readonly steps: readonly Step[]
  /** Where each account of the configuration goes, in the same order. */
  readonly instances: readonly AccountInstances[]
  /** What was decided against the configuration, for a warning event. */
  readonly notes: readonly string[]
}

/** The order of writes (Core §6.1.7): accounts, then access control and OSCORE, then the rest. */
const FIRST = [0, 1, 2, 21]

/**
 * Turns a configuration, and what the device says it has, into the requests to send: reads, deletes,
 * writes, Finish. Pure.
 * @param state undefined when the device was not asked or did not answer
 * @param generated keys made for the accounts with `createCredential`, by short server id
 */
export function planBootstrap(
  configuration: ResolvedConfiguration,
  state: DeviceState | undefined,
  version: string | undefined,
  generated: ReadonlyMap<number, PskMaterial>,
): Plan {
  const deletions = new Deletions(state)
  for (const path of configuration.deletes) deletions.add(path)
  const chosen = chooseInstances(configuration.accounts, state, (object, instance) =>
    deletions.spares(object, instance),
  )
  const writes = accountWrites(configuration, chosen.instances, version, generated)
  writes.push(...joinNewInstances(configuration.writes, state, deletions))
  writes.sort((a, b) => rank(a.path) - rank(b.path))
  return {
    steps: [
      ...configuration.reads.map((path) => ({ operation: 'read', path }) as const),
      ...deletions.paths.map((path) => ({ operation: 'delete', path }) as const),
      ...writes.map(({ path, records }) => ({ operation: 'write', path, records }) as const),
      { operation: 'finish', path: Path.ROOT },
    ],
    instances: chosen.instances,
    notes: [...deletions.notes, ...chosen.notes],
  }
}

/** The writes of the accounts alone. */
function accountWrites(
  configuration: ResolvedConfiguration,
  instances: readonly AccountInstances[],
  version: string | undefined,
  generated: ReadonlyMap<number, PskMaterial>,
): ResolvedWrite[] {
  return configuration.accounts.flatMap((account, i) => {
    const ids = instances[i] as AccountInstances
    const writes = [
      {
        path: new Path([ObjectId.SECURITY, ids.security]),
        records: securityRecords(account, ids, generated.get(account.shortServerId)),
      },
      {
        path: new Path([ObjectId.SERVER, ids.server]),
        records: serverRecords(account, ids, version),
      },
    ]
    const oscore = oscoreRecords(account, ids)
    if (ids.oscore !== undefined)
      writes.push({ path: new Path([ObjectId.OSCORE, ids.oscore]), records: oscore })
    return writes
  })
}

/**
 * Resources of an instance that the device does not have go together in one write of the instance:
 * many devices cannot make an instance from one resource.
 */
function joinNewInstances(
  writes: readonly ResolvedWrite[],
  state: DeviceState | undefined,
  deletions: Deletions,
): ResolvedWrite[] {
  const joined = new Map<string, { path: Path; records: Record[] }>()
  for (const { path, records } of writes) {
    const instance = path.at(2)
    const [object = 0, id = 0] = instance.ids
    const there =
      state === undefined ||
      ((state.objects.get(object)?.includes(id) ?? false) && deletions.spares(object, id))
    const target = there ? path : instance
    const entry = joined.get(target.toString())
    if (entry === undefined) joined.set(target.toString(), { path: target, records: [...records] })
    else entry.records.push(...records)
  }
  return [...joined.values()]
}

function rank(path: Path): number {
  const index = FIRST.indexOf(path.object ?? -1)
  return index < 0 ? FIRST.length : index
}

/** The Bootstrap-Deletes to send, and what they leave. */
class Deletions {
  readonly paths: Path[] = []
  readonly notes: string[] = []

  constructor(private readonly state: DeviceState | undefined) {}

  /** Plans the deletion of a path, split up where that spares the bootstrap account. */
  add(path: Path): void {
    const { state } = this
    const [object, instance] = path.ids
    if (state === undefined) {
      // The device itself spares its bootstrap account and /3/0 (Core §6.1.7.6).
      if (object === ObjectId.SECURITY && instance !== undefined) {
        this.notes.push(`${path} is not deleted: it may be the bootstrap account`)
      } else this.push(path)
      return
    }
    if (object === undefined) {
      for (const id of state.objects.keys()) if (id !== ObjectId.DEVICE) this.add(new Path([id]))
    } else if (object === ObjectId.SECURITY) {
      this.addSecurity(state, path, instance)
    } else if (this.has(state, object, instance)) {
      this.push(path)
    }
  }

  /** Whether an instance is still there afterwards, but for the bootstrap account, which always is. */
  spares(object: number, instance: number): boolean {
    const path = new Path([object, instance])
    return !this.paths.some((one) => one.contains(path))
  }

  private addSecurity(state: DeviceState, path: Path, instance: number | undefined): void {
    const bootstrap = bootstrapAccounts(state)
    if (instance === undefined && !bootstrap.certain) {
      // Which of them it is, the device alone knows, and it spares it.
      this.push(path)
      this.notes.push(
        'several Security instances have no short server id: /0 is deleted as a whole',
      )
      return
    }
    for (const one of state.security) {
      if (instance !== undefined && one.instance !== instance) continue
      if (!bootstrap.instances.has(one.instance))
        this.push(new Path([ObjectId.SECURITY, one.instance]))
      else if (instance !== undefined) {
        this.notes.push(`${path} is not deleted: it is the bootstrap account`)
      }
    }
  }

  private has(state: DeviceState, object: number, instance: number | undefined): boolean {
    const instances = state.objects.get(object) ?? []
    return instance === undefined ? instances.length > 0 : instances.includes(instance)
  }

  private push(path: Path): void {
    if (!this.paths.some((one) => one.contains(path))) this.paths.push(path)
  }
}
