import { createPublicKey } from 'node:crypto'
import type {
  ClientDtlsOptions,
  ClientSecurity,
  DeviceDescription,
  Lwm2mClientOptions,
} from '../../../src/client'
import { TEXT_ENCODINGS, bytesOfText } from '../../../src/internal'
import { SettingError, type Settings } from '../runtime/settings'
import { restorePem } from '../server/pem'

/** The secrets of a virtual device, kept as Node-RED credentials. */
export interface DeviceSecrets {
  readonly pskKey?: string
  /** PEM. */
  readonly privateKey?: string
  readonly bootstrapKey?: string
  /** PEM. */
  readonly bootstrapPrivateKey?: string
}

/** What is shown to one of the servers: names of properties, and the secrets. */
interface SecuritySource {
  readonly mode: string
  readonly identity: string
  readonly keyFormat: string
  readonly certificate: string
  readonly serverPublicKey: string
  readonly serverCertificate: string
  readonly certificateUsage: string
  readonly key: string | undefined
  readonly privateKey: string | undefined
}

/** Nothing without a key. @throws SettingError, ValueError (a key that is none) */
function securityOf(
  settings: Settings,
  source: SecuritySource,
  endpoint: string,
): ClientSecurity | undefined {
  const { key = '', privateKey = '' } = source
  const mode = settings.choice(source.mode, ['psk', 'rpk', 'x509'], 'psk')
  if (mode === 'psk') {
    if (key === '') return undefined
    const identity = settings.text(source.identity)
    const encoding = settings.choice(source.keyFormat, TEXT_ENCODINGS, 'hex')
    return {
      psk: { identity: identity === '' ? endpoint : identity, key: bytesOfText(key, encoding) },
    }
  }
  if (privateKey.trim() === '') return undefined
  const pem = restorePem(privateKey)
  if (mode === 'rpk') {
    return { rpk: { privateKey: pem, serverPublicKey: publicKeyOf(settings, source) } }
  }
  return {
    x509: {
      privateKey: pem,
      certificate: needed(settings, source.certificate),
      serverCertificate: needed(settings, source.serverCertificate),
      certificateUsage: settings.choice(source.certificateUsage, ['2', '3'], '3') === '2' ? 2 : 3,
    },
  }
}

/** @throws SettingError */
function needed(settings: Settings, name: string): string {
  const text = settings.text(name).trim()
  if (text === '') throw new SettingError(`${name} is missing`)
  return text
}

/** DER. @throws SettingError */
function publicKeyOf(settings: Settings, { serverPublicKey }: SecuritySource): Uint8Array {
  try {
    return createPublicKey(needed(settings, serverPublicKey)).export({
      type: 'spki',
      format: 'der',
    })
  } catch (error) {
    if (error instanceof SettingError) throw error
    throw new SettingError(`${serverPublicKey} must be a public key in PEM`)
  }
}

/** @throws SettingError */
function dtlsOptions(settings: Settings): ClientDtlsOptions {
  const keyExchange = settings.choice('keyExchange', ['', 'psk', 'ecdhe-psk'], '')
  const length = settings.choice('maxFragmentLength', ['', '512', '1024', '2048', '4096'], '')
  return {
    ...(keyExchange === '' ? {} : { keyExchange }),
    connectionId: settings.choice('connectionId', ['off', 'send', 'both'], 'off'),
    ...(length === '' ? {} : { maxFragmentLength: FRAGMENT_LENGTHS[length] }),
  }
}

const FRAGMENT_LENGTHS = { 512: 512, 1024: 1024, 2048: 2048, 4096: 4096 } as const

/** `{"3303": …}`, or nothing for the default device. @throws SettingError */
function descriptionOf(settings: Settings): DeviceDescription | undefined {
  const objects = settings.json('objects')
  if (objects === undefined || objects === null) return undefined
  if (typeof objects !== 'object' || Array.isArray(objects)) {
    throw new SettingError('objects must be an object by object id, such as {"3303": {"0": {}}}')
  }
  return objects as DeviceDescription
}

/**
 * The options of the client that a dialog describes.
 * @param endpoint the name, with environment variables resolved
 * @throws SettingError, ValueError (a key that is none)
 */
export function deviceOptions(
  settings: Settings,
  endpoint: string,
  secrets: DeviceSecrets,
): Lwm2mClientOptions {
  if (endpoint === '') throw new SettingError('the virtual device needs an endpoint name')
  const server = settings.text('uri').trim()
  const bootstrap = settings.text('bootstrapUri').trim()
  if (server === '' && bootstrap === '') {
    throw new SettingError('the virtual device needs the address of a server or a bootstrap server')
  }
  const window = settings.number('awakeWindow', { min: 0 })
  const wakeEvery = settings.number('wakeEvery', { min: 1 })
  const objects = descriptionOf(settings)
  const security = securityOf(
    settings,
    {
      mode: 'securityMode',
      identity: 'pskIdentity',
      keyFormat: 'pskKeyFormat',
      certificate: 'certificate',
      serverPublicKey: 'serverPublicKey',
      serverCertificate: 'serverCertificate',
      certificateUsage: 'certificateUsage',
      key: secrets.pskKey,
      privateKey: secrets.privateKey,
    },
    endpoint,
  )
  const bootstrapSecurity = securityOf(
    settings,
    {
      mode: 'bootstrapMode',
      identity: 'bootstrapIdentity',
      keyFormat: 'bootstrapKeyFormat',
      certificate: 'bootstrapCertificate',
      serverPublicKey: 'bootstrapServerPublicKey',
      serverCertificate: 'bootstrapServerCertificate',
      certificateUsage: 'bootstrapCertificateUsage',
      key: secrets.bootstrapKey,
      privateKey: secrets.bootstrapPrivateKey,
    },
    endpoint,
  )
  return {
    endpoint,
    ...(server === '' ? {} : { server }),
    ...(bootstrap === '' ? {} : { bootstrap }),
    version: settings.choice('lwm2m', ['1.0', '1.1', '1.2'], '1.1'),
    lifetime: settings.number('lifetime', { min: 1 }) ?? 300,
    binding: settings.text('binding') || 'U',
    // Not ticked, it is what a bootstrap server's binding says (UQ in 1.0).
    ...(settings.flag('queueMode') ? { queueMode: true } : {}),
    sleep: {
      ...(window === undefined ? {} : { window: window * 1000 }),
      ...(wakeEvery === undefined ? {} : { wakeEvery }),
      holdNotifications: settings.flag('holdNotifications'),
    },
    ...(objects === undefined ? {} : { objects }),
    ...(security === undefined ? {} : { security }),
    ...(bootstrapSecurity === undefined ? {} : { bootstrapSecurity }),
    dtls: dtlsOptions(settings),
  }
}
