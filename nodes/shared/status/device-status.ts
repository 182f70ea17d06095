import type { Lwm2mServer } from '../../../src'
import { failureStatus } from '../messages/failure'
import type { NodeAPI } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { HostState } from '../server/server-host'
import type { StatusContent } from './status-line'

/** What a node shows while it has nothing of its own to say: the state of its server. */
export function serverStatus(RED: NodeAPI, state: HostState): StatusContent | undefined {
  switch (state.kind) {
    case 'starting':
      return { fill: 'yellow', shape: 'ring', text: sharedText(RED, 'status.starting') }
    case 'failed':
      return failureStatus(RED, state.error)
    case 'stopped':
      return { fill: 'grey', shape: 'ring', text: sharedText(RED, 'status.stopped') }
    case 'running':
      return undefined
  }
}

/** The number of registered devices. */
export function countStatus(RED: NodeAPI, count: number): StatusContent {
  const text =
    count === 1 ? sharedText(RED, 'status.device') : sharedText(RED, 'status.devices', { n: count })
  return { fill: count === 0 ? 'grey' : 'green', shape: count === 0 ? 'ring' : 'dot', text }
}

/** The state of one device: online, asleep or without association (with what waits for it), not registered. */
export function deviceStatus(RED: NodeAPI, server: Lwm2mServer, endpoint: string): StatusContent {
  const registration = server.registrations.get(endpoint)
  if (registration === undefined) {
    return { fill: 'grey', shape: 'ring', text: sharedText(RED, 'status.unregistered') }
  }
  const { state } = registration
  const waiting = server.queued(endpoint).length
  if (state === 'awaiting-handshake') {
    const text =
      waiting > 0
        ? sharedText(RED, 'status.handshake-waiting', { n: waiting })
        : sharedText(RED, 'status.handshake')
    return { fill: 'yellow', shape: 'ring', text }
  }
  if (waiting > 0) {
    return { fill: 'blue', shape: 'ring', text: sharedText(RED, 'status.waiting', { n: waiting }) }
  }
  return state === 'asleep'
    ? { fill: 'blue', shape: 'ring', text: sharedText(RED, 'status.asleep') }
    : { fill: 'green', shape: 'dot', text: sharedText(RED, 'status.online') }
}
