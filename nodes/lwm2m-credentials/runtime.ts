import { CodedError } from '../../src/base/coded-error'
import type {
  AuthorizationRequest,
  CredentialInput,
  CredentialStore,
  CredentialUse,
} from '../../src'
import { defineNode } from '../shared/define-node'
import { ArgumentError } from '../shared/messages/fields'
import { ManagementNode } from '../shared/actions/management-node'
import type { NodeMessage } from '../shared/runtime/red'
import { findHost } from '../shared/server/server-node'
import { EventFeed } from '../shared/sources/event-feed'

const ACTIONS = ['add', 'replace', 'remove', 'list', 'decide'] as const

/**
 * `lwm2m-credentials`: adds, replaces, removes and lists the credentials of devices at run time. Keys
 * go in and never come out. The second output emits unknown devices that ask to be let in, where the
 * server has flows decide about them.
 */
export default defineNode('lwm2m-credentials', ({ RED, node, settings }) => {
  const fixed = settings.choice('action', ['', ...ACTIONS], '')
  const host = findHost(RED, settings.text('server'))
  if (host !== undefined) {
    new EventFeed(host, node, {
      listen: ({ credentials }, push) =>
        credentials.on('request', (request) => push(requestMessage(request))),
      send: (message) => node.send([null, message]),
      onState: () => {},
    })
  }
  new ManagementNode(RED, node, settings.text('server'), async (engine, message) => {
    const { credentials } = engine
    switch (readAction(fixed === '' ? message['action'] : fixed)) {
      case 'add':
        message.payload = await credentials.add(inputOf(message))
        return
      case 'replace':
        message.payload = await credentials.replace(inputOf(message))
        return
      case 'remove':
        message.payload = await credentials.remove(selectorOf(message))
        return
      case 'list':
        message.payload = credentials.list(filterOf(message))
        return
      case 'decide':
        await decide(credentials, message)
    }
  })
})

/** `msg.id` names the request: a message that decides it carries it back. */
function requestMessage({ id, ...request }: AuthorizationRequest): NodeMessage {
  const { endpoint, time, ...payload } = request
  return {
    topic: endpoint === undefined ? 'authorization' : `${endpoint}/authorization`,
    event: 'authorization',
    id,
    ...(endpoint === undefined ? {} : { endpoint }),
    payload: { ...payload, time: new Date(time).toISOString() },
  }
}

/** `msg.payload`: a credential, which is added, `accept` (also `true`), or `refuse` (also `null`, `false`). */
async function decide(credentials: CredentialStore, message: NodeMessage): Promise<void> {
  const id = textOf(message['id'])
  const { payload } = message
  if (!credentials.pending.some((request) => request.id === id) || id === undefined) {
    throw new CodedError('not-pending', 'this authorization request is not pending')
  }
  const refused = payload === 'refuse' || payload === null || payload === false
  if (typeof payload === 'object' && payload !== null) {
    message.payload = await credentials.add(inputOf(message))
  } else if (!refused && payload !== 'accept' && payload !== true) {
    throw new ArgumentError('msg.payload must be a credential, "accept" or "refuse"')
  }
  if (!credentials.decide(id, !refused)) {
    throw new CodedError('not-pending', 'this authorization request is not pending')
  }
}

function readAction(value: unknown): (typeof ACTIONS)[number] {
  const found = ACTIONS.find((action) => action === value)
  if (found !== undefined) return found
  throw new ArgumentError(`msg.action must be one of ${ACTIONS.join(', ')}`)
}

/** `msg.payload` with `msg.endpoint` where it names none; what is wrong with it, the store says. */
function inputOf(message: NodeMessage): CredentialInput {
  const { payload } = message
  if (typeof payload !== 'object' || payload === null) {
    throw new ArgumentError('msg.payload must be a credential, such as {"endpoint", "key"}')
  }
  const { endpoint } = message
  return { ...(typeof endpoint === 'string' ? { endpoint } : {}), ...payload } as CredentialInput
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function useOf(value: unknown): { use?: CredentialUse } {
  return value === 'server' || value === 'bootstrap' ? { use: value } : {}
}

function partsOf(message: NodeMessage): { readonly [name: string]: unknown } {
  const { payload } = message
  if (typeof payload === 'string') return { endpoint: payload }
  return typeof payload === 'object' && payload !== null ? { ...payload } : {}
}

function selectorOf(message: NodeMessage) {
  const parts = partsOf(message)
  const endpoint = textOf(parts['endpoint']) ?? textOf(message['endpoint'])
  const identity = textOf(parts['identity'])
  if (endpoint === undefined) throw new ArgumentError('no endpoint: set it in msg.endpoint')
  return { endpoint, ...useOf(parts['use']), ...(identity === undefined ? {} : { identity }) }
}

function filterOf(message: NodeMessage) {
  const pattern = textOf(message['endpoint'])
  return { ...useOf(partsOf(message)['use']), ...(pattern === undefined ? {} : { pattern }) }
}
