import { identityText } from '../credentials/credential'
import { bytesOfText } from '../credentials/key-text'
import type { BootstrapConfiguration, ServerAccount } from './configuration'

/** What may be shown of a server account. */
export interface ServerAccountInfo {
  readonly uri: string
  readonly shortServerId: number
  readonly security: string
  /** PSK identity, or the template of it. */
  readonly identity?: string
  readonly hasKey: boolean
  readonly createCredential: boolean
  readonly lifetime?: number
  readonly binding?: string
  readonly queueMode?: boolean
}

/** What may be shown of a configuration. */
export interface ConfigurationInfo {
  readonly endpoint: string
  readonly source: 'list' | 'runtime'
  readonly servers: readonly ServerAccountInfo[]
  /** Paths only: the values may be secret. */
  readonly resources: readonly string[]
  readonly delete?: readonly string[]
  readonly read?: readonly string[]
  readonly discover: boolean
  readonly format?: number | string
  readonly pack: boolean
}

/** A configuration without its secrets. */
export function describeConfiguration(
  configuration: BootstrapConfiguration,
  source: 'list' | 'runtime',
): ConfigurationInfo {
  const { endpoint, servers, resources, read, discover, format, pack } = configuration
  return {
    endpoint,
    source,
    servers: servers.map(describeAccount),
    resources: Object.keys(resources ?? {}),
    ...(configuration.delete === undefined ? {} : { delete: configuration.delete }),
    ...(read === undefined ? {} : { read }),
    discover: discover ?? true,
    ...(format === undefined ? {} : { format }),
    pack: pack ?? true,
  }
}

function describeAccount(account: ServerAccount): ServerAccountInfo {
  const { lifetime, binding, queueMode } = account
  return {
    uri: account.uri,
    // Dialogs and flows may write numbers as text.
    shortServerId: Number(account.shortServerId),
    security: account.security ?? 'nosec',
    ...describeIdentity(account),
    hasKey: account.key !== undefined || account.privateKey !== undefined,
    createCredential: account.createCredential ?? false,
    ...(lifetime === undefined ? {} : { lifetime: Number(lifetime) }),
    ...(binding === undefined ? {} : { binding }),
    ...(queueMode === undefined ? {} : { queueMode }),
  }
}

function describeIdentity(account: ServerAccount): { identity?: string } {
  if (account.security !== 'psk' || account.createCredential === true) return {}
  const { identity = '{endpoint}', identityFormat = 'text' } = account
  return {
    identity: identityText(
      typeof identity === 'string' ? bytesOfText(identity, identityFormat) : identity,
    ),
  }
}
