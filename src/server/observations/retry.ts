import type { CodedError } from '../../base/coded-error'
import { DeviceError } from '../errors'

/** The first wait before an observation that failed is tried again, ms; it doubles each time. */
const FIRST_WAIT = 60_000
const LONGEST_WAIT = 3_600_000

/** When to try again: after a time, when the device shows up, or when it registers anew. */
export type RetryWhen = 'later' | 'awake' | 'registration'

/**
 * What an error says about trying again. A device that refuses (4.xx) will go on doing so until it
 * registers something else; one that failed (5.xx) or did not answer may come round.
 */
export function retryWhen(error: CodedError): RetryWhen {
  if (error instanceof DeviceError) return error.coapCode >> 5 === 5 ? 'later' : 'registration'
  switch (error.code) {
    case 'timeout':
    case 'response-timeout':
    case 'reset':
    case 'blockwise':
    case 'queue-full':
    case 'handshake-timeout':
      return 'later'
    case 'asleep':
    case 'expired':
      return 'awake'
    default:
      return 'registration'
  }
}

/** Milliseconds to wait before the attempt number `attempt` (1 is the first repetition). */
export function backOff(attempt: number): number {
  return Math.min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
}
