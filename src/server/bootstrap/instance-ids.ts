import type { AccountInstances } from './account-records'
import { bootstrapAccounts, type DeviceState } from './device-state'
import type { ResolvedAccount } from './resolved-configuration'
import { ObjectId } from '../../lwm2m/objects/object-id'

/**
 * Chooses the instance ids of all accounts. The bootstrap account's Security instance is never among
 * them; where the device did not say which that is, it is taken to be /0/0, as is usual.
 * @param remains whether an instance is still there after the planned deletions
 * @returns ids per account, and what was decided against the configuration
 */
export function chooseInstances(
  accounts: readonly ResolvedAccount[],
  state: DeviceState | undefined,
  remains: (object: number, instance: number) => boolean,
): { readonly instances: AccountInstances[]; readonly notes: string[] } {
  const notes: string[] = []
  const bootstrap = state === undefined ? new Set([0]) : bootstrapAccounts(state).instances
  const kept = (object: number): number[] =>
    (state?.objects.get(object) ?? []).filter((instance) => remains(object, instance))

  const own = new Map((state?.security ?? []).map((one) => [one.shortServerId, one.instance]))
  const wantedSecurity = accounts.map((account) => {
    const wanted =
      account.securityInstance ?? reusable(own.get(account.shortServerId), ObjectId.SECURITY)
    // A device that did not say what it has may well have its bootstrap account elsewhere than /0/0.
    if (wanted === undefined || !bootstrap.has(wanted) || state === undefined) return wanted
    notes.push(
      `/0/${wanted} is the bootstrap account: server ${account.shortServerId} uses another instance`,
    )
    return undefined
  })
  const wantedServer = accounts.map(
    (account) =>
      account.serverInstance ??
      reusable(state?.servers.get(account.shortServerId), ObjectId.SERVER),
  )
  function reusable(instance: number | undefined, object: number): number | undefined {
    return instance !== undefined && remains(object, instance) ? instance : undefined
  }

  const security = fill(wantedSecurity, [...bootstrap, ...kept(ObjectId.SECURITY)])
  const server = fill(wantedServer, kept(ObjectId.SERVER))
  const oscore = fill(
    accounts.map(() => undefined),
    // The bootstrap account's own OSCORE instance is spared by the device and cannot be told apart.
    state?.objects.get(ObjectId.OSCORE) ?? [],
  )
  return {
    instances: accounts.map((account, i) => ({
      security: security[i] as number,
      server: server[i] as number,
      oscore: account.oscoreRecords === undefined ? undefined : oscore[i],
    })),
    notes,
  }
}

/** Gives those without a wanted id the lowest free one. */
function fill(wanted: readonly (number | undefined)[], occupied: readonly number[]): number[] {
  const taken = new Set<number>(occupied)
  for (const id of wanted) if (id !== undefined) taken.add(id)
  let next = 0
  return wanted.map((id) => {
    if (id !== undefined) return id
    while (taken.has(next)) next++
    taken.add(next)
    return next
  })
}
