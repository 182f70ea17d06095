import {
  type BootstrapProgress,
  type BootstrapRefusal,
  type BootstrapRequest,
  type BootstrapResult,
  type BootstrapServer,
  formatName,
} from '../../../src'
import { formatValue } from '../../../src/internal'
import { topicOf } from '../messages/topic'
import type { NodeMessage } from '../runtime/red'

/** What a bootstrap node reports. */
export const BOOTSTRAP_EVENTS = ['request', 'refused', 'progress', 'result'] as const
export type BootstrapEventName = (typeof BOOTSTRAP_EVENTS)[number]

/** Listens to the chosen events and passes messages on; returns the function that stops it. */
export function listenToBootstrap(
  server: BootstrapServer,
  events: ReadonlySet<BootstrapEventName>,
  wants: (endpoint: string) => boolean,
  send: (message: NodeMessage) => void,
): () => void {
  const removers = [
    events.has('request') &&
      server.on('request', (request) => wants(request.endpoint) && send(requestMessage(request))),
    events.has('refused') &&
      server.on('refused', (refusal) => wants(refusal.endpoint ?? '') && send(refused(refusal))),
    events.has('progress') &&
      server.on('progress', (one) => wants(one.endpoint) && send(progressMessage(one))),
    events.has('result') &&
      server.on('result', (result) => wants(result.endpoint) && send(resultMessage(result))),
  ]
  return () => {
    for (const remove of removers) if (remove !== false) remove()
  }
}

function message(
  event: BootstrapEventName,
  endpoint: string | undefined,
  payload: object,
): NodeMessage {
  return {
    topic: endpoint === undefined ? `bootstrap/${event}` : topicOf(endpoint, `/bootstrap/${event}`),
    event,
    ...(endpoint === undefined ? {} : { endpoint }),
    payload,
  }
}

/** `msg.id` names the request: a message that decides it carries it back. */
function requestMessage(request: BootstrapRequest): NodeMessage {
  const { id, endpoint, peer, preferredFormat, pack, pending } = request
  const payload = {
    pending,
    pack,
    address: peer.address,
    port: peer.port,
    security: peer.identity.kind,
    ...(preferredFormat === undefined ? {} : { format: formatName(preferredFormat) }),
  }
  return { ...message('request', endpoint, payload), id }
}

function refused({ endpoint, peer, code, reason }: BootstrapRefusal): NodeMessage {
  return message('refused', endpoint, { code, reason, address: peer.address, port: peer.port })
}

function progressMessage({ id, endpoint, step, done, total }: BootstrapProgress): NodeMessage {
  return { ...message('progress', endpoint, { ...step, done, total }), id }
}

function resultMessage(result: BootstrapResult): NodeMessage {
  const { id, endpoint, outcome, version, format, steps, notes, servers, records, error } = result
  const payload = {
    outcome,
    ...(version === undefined ? {} : { version }),
    ...(format === undefined ? {} : { format: formatName(format) }),
    steps: steps.map((step) => ({ ...step })),
    notes: [...notes],
    servers: servers.map((server) => ({ ...server })),
    read: Object.fromEntries(
      records.flatMap(({ path, value }) =>
        value === undefined ? [] : [[path.toString(), formatValue(value)]],
      ),
    ),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    /** Milliseconds. */
    duration: result.duration,
  }
  return { ...message('result', endpoint, payload), id }
}
