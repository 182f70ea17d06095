import type {
  ClientSecurity,
  DeviceDescription,
  Lwm2mClientOptions,
} from '../../../src/client/types'
import { bytesOfText, TEXT_ENCODINGS } from '../../../src/server/credentials/key-text'
import { SettingError, type Settings } from '../runtime/settings'

/** The secrets of a virtual device, kept as Node-RED credentials. */
export interface DeviceSecrets {
  readonly pskKey?: string
  readonly bootstrapKey?: string
}

function pskOf(
  settings: Settings,
  prefix: 'psk' | 'bootstrap',
  endpoint: string,
  key: string | undefined,
): ClientSecurity | undefined {
  const identity = settings.text(`${prefix}Identity`)
  if (key === undefined || key === '') return undefined
  const encoding = settings.choice(`${prefix}KeyFormat`, TEXT_ENCODINGS, 'hex')
  return {
    psk: { identity: identity === '' ? endpoint : identity, key: bytesOfText(key, encoding) },
  }
}

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
  const security = pskOf(settings, 'psk', endpoint, secrets.pskKey)
  const bootstrapSecurity = pskOf(settings, 'bootstrap', endpoint, secrets.bootstrapKey)
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
  }
}
