import type { ServerKey } from '../../../src'
import { restorePem } from './pem'
import { entries, type Entry, type KeysById } from './server-settings'
import { SettingError, type Settings } from '../runtime/settings'

/** The entries of the Bootstrap tab. */
export interface BootstrapEntries {
  /** As configurations, which the bootstrap server checks. */
  readonly configurations: readonly unknown[]
  /** What is wrong with those that are none. */
  readonly problems: readonly SettingError[]
}

/**
 * The entries of the Bootstrap tab as configurations.
 * @param keys pre-shared and private keys by the id of their entry
 * @param own the server's own key: what a device is told where its entry does not say another
 */
export function bootstrapEntries(
  settings: Settings,
  keys: KeysById,
  own: ServerKey | undefined,
): BootstrapEntries {
  const configurations: unknown[] = []
  const problems: SettingError[] = []
  for (const [i, entry] of entries(settings, 'bootstraps').entries()) {
    try {
      const endpoint = String(entry['endpoint'] ?? '').trim()
      if (endpoint === '')
        throw new SettingError(`entry ${i + 1} of the bootstrap configurations has no device`)
      configurations.push(configuration(endpoint, entry, keys[String(entry['id'])], own))
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      problems.push(error)
    }
  }
  return { configurations, problems }
}

/** @throws SettingError */
function configuration(
  endpoint: string,
  entry: Entry,
  key: string | undefined,
  own: ServerKey | undefined,
): object {
  const resources = resourcesOf(entry['resources'], endpoint)
  const { uri, shortServerId, security = 'nosec', lifetime, binding, queueMode } = entry
  return {
    endpoint,
    servers: [
      {
        uri,
        shortServerId,
        security,
        lifetime,
        binding,
        ...(queueMode === true ? { queueMode } : {}),
        ...material(entry, key, own),
      },
    ],
    ...(resources === undefined ? {} : { resources }),
  }
}

/** What proves the device's identity to the server, and the server's to the device. */
function material(entry: Entry, key: string | undefined, own: ServerKey | undefined): object {
  const privateKey = key === undefined ? undefined : restorePem(key)
  switch (entry['security']) {
    case 'psk': {
      const { identity, keyFormat } = entry
      return entry['createCredential'] === true
        ? { createCredential: true }
        : { identity, keyFormat, key }
    }
    case 'rpk': {
      const { publicKey } = entry
      return { publicKey, privateKey, serverPublicKey: entry['serverPublicKey'] || own?.publicKey }
    }
    case 'x509': {
      const { certificate } = entry
      const serverCertificate = entry['serverCertificate'] || own?.certificateChain?.[0]?.raw
      return { certificate, privateKey, serverCertificate }
    }
    default:
      return {}
  }
}

/** @throws SettingError */
function resourcesOf(value: unknown, endpoint: string): unknown {
  if (typeof value !== 'string') return value ?? undefined
  if (value.trim() === '') return undefined
  try {
    return JSON.parse(value)
  } catch {
    // What the parser says quotes the values, which may be secret.
    throw new SettingError(
      `the additional values of ${JSON.stringify(endpoint)} are not valid JSON`,
    )
  }
}
