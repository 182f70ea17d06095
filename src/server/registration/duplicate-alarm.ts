import type { Peer } from '../../transport/transport'
import type { ServerWarning } from '../types'
import type { DeviceRegistration } from './device-registration'

/** Two registrations of one endpoint from an earlier address within this time are suspicious, ms. */
const PING_PONG = 3_600_000
/** How often the alarm is repeated for one endpoint at most, ms. */
const ALARM_INTERVAL = 60_000

/**
 * Two devices with one endpoint name replace each other for ever: A, B, A.
 * Takes note of where the endpoint was before.
 * @param now ms since the epoch
 * @returns the warning that is due, if one is
 */
export function duplicateAlarm(
  registration: DeviceRegistration,
  previous: DeviceRegistration | undefined,
  now: number,
): ServerWarning | undefined {
  if (previous === undefined) return undefined
  const here = addressOf(registration.peer)
  const there = addressOf(previous.peer)
  registration.alarmedAt = previous.alarmedAt
  registration.formerAddress = here === there ? previous.formerAddress : there
  if (here === there || previous.formerAddress !== here) return undefined
  if (now - previous.registeredAt > PING_PONG || now - previous.alarmedAt < ALARM_INTERVAL) {
    return undefined
  }
  registration.alarmedAt = now
  return {
    code: 'duplicate-endpoint',
    message: `${registration.endpoint} registers from ${here} and from ${there} in turn: two devices with one name?`,
    endpoint: registration.endpoint,
    peer: registration.peer,
  }
}

function addressOf(peer: Peer): string {
  return `${peer.address} port ${peer.port}`
}
