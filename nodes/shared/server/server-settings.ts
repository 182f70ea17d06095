import {
  type AuthorizationOptions,
  type BootstrapOptions,
  type BudgetOptions,
  type CoapEndpointOptions,
  type CoapsOptions,
  type CredentialInput,
  type DeviceFormat,
  type Lwm2mServerOptions,
  parseFormatName,
} from '../../../src'
import { formatNames } from '../../../src/internal'
import { SettingError, type Settings } from '../runtime/settings'

const PORT = { min: 0, max: 65_535 }
const POSITIVE = { min: 0 }

/** The secrets of a config node, kept as Node-RED credentials. */
export interface ServerSecrets {
  /** JSON: pre-shared keys by the id of their entry. */
  readonly keys?: string
  /** JSON: keys that the last edit added; see `key-vault.ts`. */
  readonly keysUpdate?: string
  /** PEM. */
  readonly serverKey?: string
}

/** Pre-shared keys as they were typed, by the id of their entry in the dialog. */
export type KeysById = { readonly [id: string]: string }

/** An entry of one of the dialog's lists. */
export type Entry = { readonly [property: string]: unknown }

/** The part of the options that the dialog says without keys, files and folders. @throws SettingError */
export function serverOptions(settings: Settings): Lwm2mServerOptions {
  const host = hostOf(settings)
  const coap = settings.flag('coap', true)
  return {
    coap: coap ? { ...host, port: settings.number('port', PORT) ?? 5683 } : false,
    lifetime: {
      ...optional('default', settings.number('lifetimeDefault', { min: 1 })),
      ...optional('min', settings.number('lifetimeMin', POSITIVE)),
      ...optional('max', settings.number('lifetimeMax', { min: 1 })),
      ...optional('grace', settings.number('grace', POSITIVE)),
      renewOnReports: settings.flag('renewOnReports'),
    },
    transmission: transmissionOptions(settings),
    ...optional('awakeWindow', milliseconds(settings, 'awakeWindow')),
    awakeWindows: awakeWindows(settings),
    formats: deviceFormats(settings),
    ...(settings.choice('defaultVersion', ['', '1.0'], '') === '1.0'
      ? { defaultVersion: '1.0' as const }
      : {}),
    queue: {
      ...optional('ttl', milliseconds(settings, 'queueTtl')),
      ...optional('maxLength', settings.number('queueMax', { min: 1 })),
      patterns: settings.texts('queuePatterns'),
      onReregister: settings.choice('onReregister', ['keep', 'drop'], 'keep'),
      onDeliveryFailure: settings.choice('onDeliveryFailure', ['keep', 'fail'], 'keep'),
    },
    learnAddress: settings.flag('learnAddress', true),
    takeOver: settings.choice('takeOver', ['accept', 'warn', 'refuse'], 'warn'),
    budgets: budgetOptions(settings),
    bootstrap: bootstrapOptions(settings),
  }
}

/** Empty fields are left to the engine, which knows the memory of the process. */
function budgetOptions(settings: Settings): BudgetOptions {
  const bytes = (name: string): number | undefined => {
    const kilobytes = settings.number(name, { min: 1 })
    return kilobytes === undefined ? undefined : kilobytes * 1024
  }
  return {
    ...optional('registrations', settings.number('budgetRegistrations', { min: 1 })),
    ...optional('objectLists', bytes('budgetObjectLists')),
    ...optional('attributes', bytes('budgetAttributes')),
    ...optional('registersPerMinute', settings.number('budgetRegisters', { min: 1 })),
    ...optional('unlimitedLifetimes', settings.number('budgetUnlimited', POSITIVE)),
  }
}

/** Whether flows decide about unknown devices; undefined where they do not. @throws SettingError */
export function authorizationOptions(settings: Settings): AuthorizationOptions | undefined {
  if (settings.choice('authorization', ['credentials', 'flow'], 'credentials') !== 'flow') {
    return undefined
  }
  return optional('timeout', milliseconds(settings, 'authorizationTimeout'))
}

/** Where `coaps://` is served; `false` for not at all. @throws SettingError */
export function coapsOptions(settings: Settings): CoapsOptions | false {
  if (!settings.flag('coaps')) return false
  const connectionIds = settings.flag('connectionIds', true)
  return {
    ...hostOf(settings),
    port: settings.number('coapsPort', PORT) ?? 5684,
    startHandshakes: settings.flag('startHandshakes'),
    ...(connectionIds ? {} : { connectionIdLength: 0 }),
  }
}

/** Where the bootstrap server listens with security; `false` for not at all. @throws SettingError */
export function bootstrapCoapsOptions(settings: Settings): CoapsOptions | false {
  if (settings.flag('bootstrapShared') || !settings.flag('bootstrapCoaps')) return false
  return { ...hostOf(settings), port: settings.number('bootstrapCoapsPort', PORT) ?? 5784 }
}

function bootstrapOptions(settings: Settings): BootstrapOptions | false {
  if (!settings.flag('bootstrap')) return false
  const shared = settings.flag('bootstrapShared')
  const coap = settings.flag('bootstrapCoap', true)
  return {
    shared,
    coap:
      shared || !coap
        ? false
        : { ...hostOf(settings), port: settings.number('bootstrapPort', PORT) ?? 5783 },
    decisions: settings.choice('decisions', ['never', 'unknown', 'always'], 'unknown'),
    ...optional('decisionTimeout', milliseconds(settings, 'decisionTimeout')),
    pack: settings.flag('bootstrapPack', true),
  }
}

function hostOf(settings: Settings): { host?: string } {
  const host = settings.text('host').trim()
  return host === '' ? {} : { host }
}

function transmissionOptions(settings: Settings): CoapEndpointOptions {
  const blockSize = settings.number('blockSize', { min: 16, max: 1024 })
  if (blockSize !== undefined && (blockSize & (blockSize - 1)) !== 0) {
    throw new SettingError(`blockSize is ${blockSize}, it must be 16, 32, … 1024`)
  }
  const maxBody = settings.number('maxBody', { min: 1 })
  return {
    ...optional('blockSize', blockSize),
    ...optional('maxBody', maxBody === undefined ? undefined : maxBody * 1024),
    ...optional('ackTimeout', milliseconds(settings, 'ackTimeout')),
    ...optional('maxRetransmit', settings.number('maxRetransmit', { min: 0, max: 20 })),
    ...optional('responseTimeout', milliseconds(settings, 'responseTimeout')),
    unknownNon: settings.choice('unknownNon', ['reset', 'ignore'], 'reset'),
  }
}

/** A property in seconds as milliseconds. */
function milliseconds(settings: Settings, name: string): number | undefined {
  const seconds = settings.number(name, POSITIVE)
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V })
}

/** `[{pattern, seconds}]` as the engine wants it. @throws SettingError */
function awakeWindows(settings: Settings): { [pattern: string]: number } {
  const windows: { [pattern: string]: number } = {}
  for (const entry of entries(settings, 'awakeWindows')) {
    const pattern = String(entry['pattern'] ?? '').trim()
    const seconds = Number(entry['seconds'])
    if (pattern === '') continue
    if (!(seconds >= 0)) {
      throw new SettingError(`the awake window of ${pattern} must be a number of seconds`)
    }
    windows[pattern] = seconds * 1000
  }
  return windows
}

/** `[{pattern, format}]` as the engine wants it. @throws SettingError */
function deviceFormats(settings: Settings): { [pattern: string]: DeviceFormat } {
  const formats: { [pattern: string]: DeviceFormat } = {}
  for (const entry of entries(settings, 'formats')) {
    const pattern = String(entry['pattern'] ?? '').trim()
    const name = String(entry['format'] ?? '').trim()
    if (pattern === '' || name === '') continue
    const format = name === 'none' ? name : parseFormatName(name)
    if (format === undefined) {
      const known = [...formatNames, 'none'].join(', ')
      throw new SettingError(
        `unknown content format ${JSON.stringify(name)} of ${pattern}, expected one of ${known}`,
      )
    }
    formats[pattern] = format
  }
  return formats
}

/** The entries of one of the dialog's lists; what is none is left out. */
export function entries(settings: Settings, name: string): Entry[] {
  return settings
    .list(name)
    .filter((entry): entry is Entry => typeof entry === 'object' && entry !== null)
}

/** The devices of the Security tab with their keys. */
export function credentialInputs(settings: Settings, keys: KeysById): CredentialInput[] {
  return entries(settings, 'devices').map((entry) => {
    const mode = entry['mode']
    const { endpoint, use, identity, identityFormat, keyFormat, publicKey, certificate, name } =
      entry
    const own =
      mode === 'rpk'
        ? { publicKey }
        : mode === 'x509'
          ? { certificate, name }
          : { identity, identityFormat, keyFormat, key: keys[String(entry['id'])] }
    return { endpoint, use, mode, ...own } as CredentialInput
  })
}
