import { type NumberRule, resolveOptions } from '../base/options'
import { DtlsConfigurationError } from './errors'
import type { DtlsSettings } from './options'
import { CIPHER_SUITES, findSuite } from './ciphers/suites'

/** {@link DtlsSettings} with all defaults. */
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

/** The range of each number. */
const RULES: { readonly [name in keyof Settings]?: NumberRule } = {
  retransmitTimeout: whole(1, 600_000),
  maxRetransmitTimeout: whole(1, 600_000),
  handshakeTimeout: whole(1, 3_600_000),
  crowdedHandshakeTimeout: whole(1, 3_600_000),
  maxHalfOpen: whole(1, 1_000_000),
  maxHalfOpenPerAddress: whole(1, 1_000_000),
  maxLookups: whole(1, 100_000),
  maxAssociations: whole(1, 10_000_000),
  maxSessions: whole(0, 10_000_000),
  sessionLifetime: whole(0, 30 * 86_400_000),
  // A handshake header and a record header must fit, with some content.
  mtu: whole(256, 65_507),
  cookieLifetime: whole(1, 86_400_000),
  maxForgeries: whole(1, 2 ** 36),
  maxChainLength: whole(1, 10),
}

function whole(least: number, most: number): NumberRule {
  return { least, most, whole: true }
}

/** @throws DtlsConfigurationError `bad-option`, naming the option */
export function resolveSettings({ sessions: _sessions, ...options }: DtlsSettings): Settings {
  const settings = resolveOptions(DEFAULTS, options, RULES, bad)
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
