import type { Peer } from '../../transport/transport'
import type { ServerWarning } from '../types'
import type { DeviceRegistration } from './device-registration'

/**
 * What becomes of a Register without security for an endpoint that is registered from another address:
 * taken silently, taken with a warning event, or refused while the device that holds the endpoint
 * answers a ping.
 */
export type TakeOverPolicy = 'accept' | 'warn' | 'refuse'

/** Whether a Register takes an endpoint over: nothing proves that it is the same device. */
export function isTakeOver(holder: DeviceRegistration | undefined, peer: Peer): boolean {
  return holder !== undefined && !peer.secure && holder.peer.id !== peer.id
}

/** The warning event about a take-over, with both addresses. */
export function takeOverWarning(
  holder: DeviceRegistration,
  peer: Peer,
  refused: boolean,
): ServerWarning {
  const { endpoint } = holder
  const [here, there] = [peer, holder.peer].map(({ address, port }) => `${address} port ${port}`)
  return {
    code: refused ? 'take-over-refused' : 'endpoint-taken-over',
    message: refused
      ? `${endpoint} may not register from ${here}: the device at ${there} holds the endpoint and answers`
      : `${endpoint} registered from ${here} in place of its registration from ${there}`,
    endpoint,
    peer,
  }
}
