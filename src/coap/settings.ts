import { type NumberRule, resolveOptions } from '../base/options'
import type { CoapEndpointOptions } from './types'

/** {@link CoapEndpointOptions}, complete and checked. */
export type Settings = Required<CoapEndpointOptions>

const DEFAULTS: Settings = {
  ackTimeout: 2000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  responseTimeout: 93_000,
  nstart: 1,
  maxQueuedPerPeer: 1000,
  blockSize: 1024,
  maxBody: 1 << 20,
  maxBodies: 64 << 20,
  exchangeLifetime: 247_000,
  duplicatesPerPeer: 16,
  maxUnregisteredPeers: 10_000,
  separateAfter: 500,
  unknownNon: 'reset',
}

/** Minimum of each number. */
const RULES: { readonly [name in keyof Settings]?: NumberRule } = {
  ackTimeout: { least: 1 },
  ackRandomFactor: { least: 1 },
  maxRetransmit: { least: 0 },
  responseTimeout: { least: 1, most: Infinity },
  nstart: { least: 1, most: Infinity },
  maxQueuedPerPeer: { least: 0, most: Infinity },
  maxBody: { least: 16 },
  maxBodies: { least: 16 },
  exchangeLifetime: { least: 1 },
  duplicatesPerPeer: { least: 1 },
  maxUnregisteredPeers: { least: 1, most: Infinity },
  separateAfter: { least: 0, most: Infinity },
}

/** @throws RangeError for an invalid value */
export function resolveSettings(options: CoapEndpointOptions): Settings {
  const settings = resolveOptions(DEFAULTS, options, RULES, (message) => new RangeError(message))
  blockExponent(settings.blockSize)
  return settings
}

/**
 * `1024` -> 6: the SZX of a block size (RFC 7959 §2.2).
 * @throws RangeError if it is not one of 16, 32, … 1024
 */
export function blockExponent(size: number): number {
  const exponent = Math.log2(size) - 4
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > 6) {
    throw new RangeError(`a block size is 16, 32, 64, 128, 256, 512 or 1024, not ${size}`)
  }
  return exponent
}
