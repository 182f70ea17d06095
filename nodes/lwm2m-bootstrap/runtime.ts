import { CodedError } from '../../src/base/coded-error'
import {
  type BootstrapConfiguration,
  type BootstrapDecision,
  type BootstrapServer,
  OperationError,
  bootstrapTrigger,
  matchesPattern,
} from '../../src'
import { describeConfiguration, quoteName } from '../../src/internal'
import { defineNode } from '../shared/define-node'
import {
  BOOTSTRAP_EVENTS,
  type BootstrapEventName,
  listenToBootstrap,
} from '../shared/sources/bootstrap-events'
import { EventFeed } from '../shared/sources/event-feed'
import type { Engine } from '../shared/server/engine'
import { ArgumentError } from '../shared/messages/fields'
import { ManagementNode } from '../shared/actions/management-node'
import type { NodeMessage } from '../shared/runtime/red'
import { findHost } from '../shared/server/server-node'
import { SettingError } from '../shared/runtime/settings'

const ACTIONS = ['set', 'remove', 'list', 'decide', 'trigger'] as const

/**
 * `lwm2m-bootstrap`: the first output tells of bootstrap requests, their progress and results; the input
 * sets, removes and lists configurations, decides pending requests, and sends registered devices to
 * bootstrap; the second output has the answers to that.
 */
export default defineNode('lwm2m-bootstrap', ({ RED, node, settings }) => {
  const events = readEvents(settings.texts('events'))
  const pattern = settings.text('endpoint').trim() || '*'
  const wants = (endpoint: string): boolean =>
    endpoint === pattern || matchesPattern(pattern, endpoint)
  const host = findHost(RED, settings.text('server'))
  if (host !== undefined) {
    new EventFeed(host, node, {
      listen: ({ server }, push) =>
        server.bootstrap === undefined
          ? () => {}
          : listenToBootstrap(server.bootstrap, events, wants, push),
      send: (message) => node.send([message, null]),
      onState: () => {},
    })
  }
  new ManagementNode(RED, node, settings.text('server'), act, 1)
})

/** @throws SettingError */
function readEvents(texts: readonly string[]): ReadonlySet<BootstrapEventName> {
  if (texts.length === 0) return new Set(BOOTSTRAP_EVENTS)
  return new Set(
    texts.map((text) => {
      const found = BOOTSTRAP_EVENTS.find((name) => name === text)
      if (found !== undefined) return found
      const known = BOOTSTRAP_EVENTS.join(', ')
      throw new SettingError(`unknown event ${JSON.stringify(text)}, expected one of ${known}`)
    }),
  )
}

async function act(engine: Engine, message: NodeMessage): Promise<void> {
  const action = ACTIONS.find((name) => name === message['action'])
  if (action === undefined)
    throw new ArgumentError(`msg.action must be one of ${ACTIONS.join(', ')}`)
  if (action === 'trigger') return trigger(engine, message)
  const { bootstrap } = engine.server
  if (bootstrap === undefined) {
    throw new CodedError('no-bootstrap', 'the bootstrap server is disabled in the server node')
  }
  const { configurations } = bootstrap
  switch (action) {
    case 'set':
      message.payload = await configurations.set(configurationOf(message))
      return
    case 'remove':
      message.payload = await configurations.remove(endpointOf(message))
      return
    case 'list':
      message.payload = configurations.list(textOf(message['endpoint']))
      return
    case 'decide':
      decide(bootstrap, message)
  }
}

/**
 * `msg.payload`: a configuration, `stored`, or `refuse` (also `null` and `false`). Of a configuration
 * the answer says what {@link describeConfiguration} does: its keys stay here.
 */
function decide(bootstrap: BootstrapServer, message: NodeMessage): void {
  const id = textOf(message['id'])
  if (id === undefined) throw new ArgumentError('msg.id must be that of the bootstrap request')
  const { payload } = message
  let decision: BootstrapDecision
  if (payload === 'stored') decision = 'stored'
  else if (payload === 'refuse' || payload === null || payload === false) decision = 'refuse'
  else if (typeof payload === 'object') decision = payload as BootstrapConfiguration
  else throw new ArgumentError('msg.payload must be a configuration, "stored" or "refuse"')
  const endpoint = bootstrap.pending.find((request) => request.id === id)?.endpoint
  if (endpoint === undefined || !bootstrap.decide(id, decision)) {
    throw new CodedError('not-pending', 'this bootstrap request is not pending')
  }
  message['endpoint'] = endpoint
  if (typeof decision === 'object') {
    message.payload = describeConfiguration({ ...decision, endpoint }, 'runtime')
  }
}

/** Executes `/1/x/9`: the device comes to its bootstrap server (Core §6.1.3). */
async function trigger({ server }: Engine, message: NodeMessage): Promise<void> {
  const endpoint = endpointOf(message)
  const registration = server.registrations.get(endpoint)
  if (registration === undefined) {
    throw new OperationError('unknown-endpoint', `${quoteName(endpoint)} is not registered`)
  }
  const path = bootstrapTrigger(registration)
  if (path === undefined) {
    throw new OperationError('unsupported', `${endpoint} has no bootstrap trigger (/1/x/9)`)
  }
  await server.execute(endpoint, path)
  message['path'] = path.toString()
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function endpointOf(message: NodeMessage): string {
  const endpoint = textOf(message['endpoint'])
  if (endpoint === undefined) throw new ArgumentError('no endpoint: set it in msg.endpoint')
  return endpoint
}

/** `msg.payload` with `msg.endpoint` where it names none; the configurations check the rest. */
function configurationOf(message: NodeMessage): BootstrapConfiguration {
  const { payload } = message
  if (typeof payload !== 'object' || payload === null) {
    throw new ArgumentError('msg.payload must be a bootstrap configuration')
  }
  const endpoint = textOf(message['endpoint'])
  return { ...(endpoint === undefined ? {} : { endpoint }), ...payload } as BootstrapConfiguration
}
