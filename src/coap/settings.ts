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

/** The lowest sensible value of each number. */
const LOWEST: Partial<Record<keyof Settings, number>> = {
  ackTimeout: 1,
  ackRandomFactor: 1,
  maxRetransmit: 0,
  responseTimeout: 1,
  nstart: 1,
  maxQueuedPerPeer: 0,
  maxBody: 16,
  maxBodies: 16,
  exchangeLifetime: 1,
  duplicatesPerPeer: 1,
  maxUnregisteredPeers: 1,
  separateAfter: 0,
}

/** @throws RangeError for a value that cannot work */
export function resolveSettings(options: CoapEndpointOptions): Settings {
  const settings: Settings = { ...DEFAULTS }
  for (const key of Object.keys(DEFAULTS) as (keyof Settings)[]) {
    if (options[key] !== undefined) Object.assign(settings, { [key]: options[key] })
    const value = settings[key]
    const lowest = LOWEST[key]
    if (lowest !== undefined && !(typeof value === 'number' && value >= lowest)) {
      throw new RangeError(`${key} must be a number of at least ${lowest}, not ${String(value)}`)
    }
  }
  blockExponent(settings.blockSize)
  return settings
}

/**
 * `1024` -> 6: the SZX of a block size (RFC 7959 §2.2).
 * @throws RangeError when it is none of 16, 32, … 1024
 */
export function blockExponent(size: number): number {
  const exponent = Math.log2(size) - 4
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > 6) {
    throw new RangeError(`a block size is 16, 32, 64, 128, 256, 512 or 1024, not ${size}`)
  }
  return exponent
}
