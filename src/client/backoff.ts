import type { RetryPolicy } from './types'

/** The default policy: retries forever, at least every 5 minutes. */
export const DEFAULT_RETRY: RetryPolicy = {
  timer: 5,
  maxTimer: 300,
  count: Infinity,
  sequenceDelay: 86400,
  sequenceCount: 1,
}

/**
 * The pause before the next attempt (Core §6.2.1.2, resources `/1/x/17` to `/1/x/20`).
 * @param failures number of consecutive failed attempts, 1 or more
 * @returns milliseconds; undefined to give up
 */
export function retryDelay(failures: number, policy: RetryPolicy): number | undefined {
  const { timer, maxTimer, count, sequenceDelay, sequenceCount } = policy
  const inSequence = count === Infinity ? failures : ((failures - 1) % count) + 1
  if (inSequence === count) {
    return failures >= count * sequenceCount ? undefined : sequenceDelay * 1000
  }
  return Math.min(timer * 2 ** (inSequence - 1), maxTimer) * 1000
}

/**
 * Milliseconds from a successful Register or Update to the next Update, for a lifetime in seconds.
 */
export function updateDelay(lifetime: number): number {
  // MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2) leaves time for every retransmission before the lifetime ends.
  return Math.max((lifetime * 1000) / 2, lifetime * 1000 - 93_000)
}
