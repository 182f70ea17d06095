import { DtlsConfigurationError } from './errors'
import type { DtlsSettings } from './options'
import { CIPHER_SUITES, findSuite } from './ciphers/suites'

/** {@link DtlsSettings} with every default filled in. */
export type Settings = Required<Omit<DtlsSettings, 'sessions'>>

const DEFAULTS: Settings = {
  suites: CIPHER_SUITES.map((suite) => suite.number),
  requireExtendedMasterSecret: false,
  requireEncryptThenMac: false,
  connectionIdLength: 8,
  retransmitTimeout: 1000,
  maxRetransmitTimeout: 60_000,
  handshakeTimeout: 60_000,
  crowdedHandshakeTimeout: 15_000,
  maxHalfOpen: 2000,
  maxHalfOpenPerAddress: 500,
  maxLookups: 64,
  maxAssociations: 100_000,
  maxSessions: 100_000,
  sessionLifetime: 86_400_000,
  mtu: 1232,
  cookieLifetime: 300_000,
  maxForgeries: 2 ** 20,
  maxChainLength: 4,
}

/** The least and the most of each number. */
const RANGES: { readonly [name in keyof Settings]?: readonly [least: number, most: number] } = {
  retransmitTimeout: [1, 600_000],
  maxRetransmitTimeout: [1, 600_000],
  handshakeTimeout: [1, 3_600_000],
  crowdedHandshakeTimeout: [1, 3_600_000],
  maxHalfOpen: [1, 1_000_000],
  maxHalfOpenPerAddress: [1, 1_000_000],
  maxLookups: [1, 100_000],
  maxAssociations: [1, 10_000_000],
  maxSessions: [0, 10_000_000],
  sessionLifetime: [0, 30 * 86_400_000],
  // A handshake header and a record header must fit, with something of use.
  mtu: [256, 65_507],
  cookieLifetime: [1, 86_400_000],
  maxForgeries: [1, 2 ** 36],
  maxChainLength: [1, 10],
}

/** @throws DtlsConfigurationError `bad-option`, naming the option */
export function resolveSettings(options: DtlsSettings): Settings {
  const settings: Settings = { ...DEFAULTS }
  const given = Object.entries(options).filter(
    ([name, value]) => name in DEFAULTS && value !== undefined,
  )
  Object.assign(settings, Object.fromEntries(given))
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = settings[name as keyof Settings] as number
    if (!Number.isInteger(value) || value < least || value > most) {
      throw bad(`${name} must be a whole number from ${least} to ${most}`)
    }
  }
  const { connectionIdLength: cid, suites } = settings
  if (cid !== 0 && !(Number.isInteger(cid) && cid >= 8 && cid <= 20)) {
    throw bad('connectionIdLength must be 0 or from 8 to 20: shorter ones can be guessed')
  }
  const unknown = suites.find((suite) => findSuite(suite) === undefined)
  if (unknown !== undefined) throw bad(`cipher suite ${unknown} is not supported`)
  if (suites.length === 0) throw bad('suites must contain at least one')
  return settings
}

function bad(message: string): DtlsConfigurationError {
  return new DtlsConfigurationError('bad-option', message)
}
