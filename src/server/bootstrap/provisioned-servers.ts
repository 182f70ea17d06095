import { identityText } from '../credentials/credential'
import type { PskMaterial } from './account-records'
import type { ProvisionedServer } from './events'
import type { Plan } from './plan'
import type { ResolvedConfiguration } from './resolved-configuration'

/** What may be told of the accounts that a plan writes: everything but keys. */
export function provisionedServers(
  configuration: ResolvedConfiguration,
  plan: Plan | undefined,
  generated: ReadonlyMap<number, PskMaterial>,
): ProvisionedServer[] {
  if (plan === undefined) return []
  return configuration.accounts.flatMap((account, i) => {
    const instances = plan.instances[i]
    if (instances === undefined) return []
    const psk = generated.get(account.shortServerId)
    const identity = psk?.identity ?? account.publicKeyOrIdentity
    return {
      shortServerId: account.shortServerId,
      uri: account.uri,
      security: account.security,
      identity: account.security === 'psk' ? identityText(identity) : undefined,
      securityInstance: instances.security,
      serverInstance: instances.server,
      credentialCreated: psk !== undefined,
    }
  })
}
