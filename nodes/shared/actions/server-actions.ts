import {
  CoapCode as Code,
  Lwm2mPath as Path,
  type Lwm2mServer,
  type OperationResult,
} from '../../../src'
import type { PreparedAction } from './action-node'
import { ArgumentError } from '../messages/fields'
import type { NodeMessage } from '../runtime/red'
import { registrationInfo } from '../messages/registration-info'

/** What `msg.operation` may be, of those that ask or tell the server itself and no device. */
export const SERVER_OPERATIONS = [
  'list',
  'statistics',
  'queue',
  'cancel-queued',
  'awake-window',
] as const
export type ServerOperation = (typeof SERVER_OPERATIONS)[number]

export function isServerOperation(name: string): name is ServerOperation {
  return (SERVER_OPERATIONS as readonly string[]).includes(name)
}

/**
 * Makes an action that ends at the server.
 * @param endpoint a name or pattern; `*` where the message says none
 * @throws ArgumentError
 */
export function serverAction(
  name: ServerOperation,
  endpoint: string,
  message: NodeMessage,
): PreparedAction {
  switch (name) {
    case 'list':
      return answering(endpoint, (server) =>
        server.registrations
          .list({ pattern: endpoint })
          .map((registration) => registrationInfo(server.model, registration)),
      )
    case 'statistics':
      return answering(endpoint, (server) => structuredClone(server.statistics))
    case 'queue':
      return answering(endpoint, (server) => waitingRequests(server, endpoint))
    case 'cancel-queued': {
      if (endpoint === '*') throw new ArgumentError('no endpoint: set it in msg.endpoint')
      const id = typeof message['id'] === 'string' ? message['id'] : undefined
      return answering(endpoint, (server) => server.cancelQueued(endpoint, id))
    }
    case 'awake-window': {
      const ms = awakeWindow(message.payload)
      return {
        ...answering(endpoint, () => message.payload),
        async perform(server) {
          await server.setAwakeWindow(endpoint, ms)
          return nothing(endpoint, Path.ROOT)
        },
      }
    }
  }
}

/** `msg.payload` in seconds as milliseconds; `null` goes back to the setting of the server. */
function awakeWindow(payload: unknown): number | undefined {
  if (payload === null) return undefined
  const seconds = typeof payload === 'number' ? payload : NaN
  if (seconds >= 0 && Number.isFinite(seconds)) return seconds * 1000
  throw new ArgumentError('msg.payload must be a number of seconds, or null for the default')
}

/** What waits for the devices of a name or pattern. Times are ISO 8601. */
function waitingRequests(server: Lwm2mServer, pattern: string): object[] {
  return server.registrations.list({ pattern }).flatMap(({ endpoint }) =>
    server.queued(endpoint).map(({ id, operation, path, queuedAt, expiresAt }) => ({
      endpoint,
      id,
      operation,
      path,
      queuedAt: new Date(queuedAt).toISOString(),
      expiresAt: new Date(expiresAt).toISOString(),
    })),
  )
}

function answering(endpoint: string, answer: (server: Lwm2mServer) => unknown): PreparedAction {
  return {
    endpoint,
    paths: ['/'],
    answer: 'done',
    perform: () => Promise.resolve(nothing(endpoint, Path.ROOT)),
    amend: (message, server) => {
      message.payload = answer(server)
    },
  }
}

/** The result of what needs no device. */
export function nothing(endpoint: string, path: Path): OperationResult {
  return { endpoint, path, code: Code.CONTENT, format: undefined, records: [] }
}
