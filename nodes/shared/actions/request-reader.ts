import { CodedError } from '../../../src/base/coded-error'
import type { Scheduler } from '../../../src/base/scheduler'
import {
  Lwm2mPath as Path,
  type Lwm2mServer,
  OperationError,
  type OperationOptions,
  type OperationResult,
} from '../../../src'
import { quoteName } from '../../../src/internal'
import { type PreparedAction, readFormat } from './action-node'
import { ArgumentError, resolveEndpoint, splitPaths, type TypedField } from '../messages/fields'
import { toCodedError } from '../messages/failure'
import { keepable } from './keepable'
import type { FirstOutcome } from '../sources/node-subscriptions'
import { makeSubscription, messageCriteria, type NodeSubscription } from '../sources/subscription'
import type { Observer } from '../sources/observer'
import type { NodeMessage } from '../runtime/red'
import { readPaths } from './read-paths'
import {
  isServerOperation,
  nothing,
  SERVER_OPERATIONS,
  serverAction,
  type ServerOperation,
} from './server-actions'
import { attributeSet, compositeInput, executeArguments, writeInput } from './write-input'

/** What `msg.operation` may be. */
export const OPERATIONS = [
  'read',
  'write',
  'execute',
  'create',
  'delete',
  'discover',
  'write-attributes',
  'observe',
  'cancel-observe',
  ...SERVER_OPERATIONS,
] as const
export type OperationName = (typeof OPERATIONS)[number]

/** A request of a message, read but not bound to its operation yet. */
interface Request {
  readonly endpoint: string
  readonly paths: readonly string[]
  readonly payload: unknown
  readonly message: NodeMessage
  readonly options: { readonly [name: string]: unknown }
}

/** Makes actions of messages that say everything themselves. */
export class RequestReader {
  constructor(
    private readonly operation: TypedField,
    private readonly endpoint: TypedField,
    private readonly observer: Observer,
    private readonly scheduler: Scheduler,
  ) {}

  /** @throws ArgumentError */
  async read(message: NodeMessage): Promise<PreparedAction> {
    const name = await this.operationName(message)
    if (isServerOperation(name)) {
      const named = !this.endpoint.empty || typeof message['endpoint'] === 'string'
      const endpoint = named ? await resolveEndpoint(this.endpoint, message) : '*'
      return serverAction(name, endpoint, message)
    }
    const endpoint = await resolveEndpoint(this.endpoint, message)
    const paths = splitPaths(message['path'])
    const options = message['options'] ?? {}
    if (typeof options !== 'object') throw new ArgumentError('msg.options must be an object')
    const request: Request = {
      endpoint,
      paths,
      payload: message.payload,
      message,
      options: options as Request['options'],
    }
    return { options: operationOptions(request.options), ...this.action(name, request) }
  }

  private async operationName(message: NodeMessage): Promise<OperationName> {
    const value = this.operation.empty
      ? message['operation']
      : await this.operation.resolve(message)
    const found = OPERATIONS.find((name) => name === value)
    if (found === undefined) {
      throw new ArgumentError(`msg.operation must be one of ${OPERATIONS.join(', ')}`)
    }
    return found
  }

  private action(name: Exclude<OperationName, ServerOperation>, request: Request): PreparedAction {
    const { endpoint, payload, options } = request
    switch (name) {
      case 'read':
        return this.readAction(request)
      case 'write':
        return this.writeAction(request)
      case 'execute': {
        const args = executeArguments(payload)
        return done(request, (server, path, all) => server.execute(endpoint, path, args, all))
      }
      case 'create': {
        const input = writeInput(payload ?? {})
        return done(request, (server, path, all) => server.create(endpoint, path, input, all))
      }
      case 'delete':
        return done(request, (server, path, all) => server.delete(endpoint, path, all))
      case 'discover': {
        const depth = readDepth(options['depth'])
        return {
          ...done(request, (server, path, all) =>
            server.discover(endpoint, path, { ...all, ...depth }),
          ),
          answer: 'links',
        }
      }
      case 'write-attributes': {
        const set = attributeSet(payload)
        return done(request, (server, path, all) =>
          server.writeAttributes(endpoint, path, set, all),
        )
      }
      case 'observe':
        return this.observeAction(request)
      case 'cancel-observe':
        return this.cancelAction(request)
    }
  }

  private readAction({ endpoint, paths }: Request): PreparedAction {
    if (paths.length === 0) throw noPath()
    return {
      endpoint,
      paths,
      answer: 'values',
      perform: (server, options) => readPaths(server, endpoint, paths, options),
    }
  }

  /** Without a path, or with the root, the payload says values by path. */
  private writeAction(request: Request): PreparedAction {
    const { endpoint, paths, payload, options } = request
    if (paths.length === 0 || paths[0] === '/') {
      const values = compositeInput(payload)
      return {
        endpoint,
        paths: Object.keys(values),
        answer: 'done',
        perform: (server, all) => server.writeComposite(endpoint, values, all),
      }
    }
    const mode = readMode(options['mode'])
    const input = writeInput(payload)
    return done(request, (server, path, all) =>
      server.write(endpoint, path, input, { ...all, ...mode }),
    )
  }

  /** The first value is the answer; what follows leaves by the second output. */
  private observeAction(request: Request): PreparedAction {
    const { endpoint, paths, message } = request
    const { payload: _payload, options: _options, ...carried } = keepable(message)
    const { format } = operationOptions(request.options)
    const subscription = makeSubscription(endpoint, paths, {
      ...messageCriteria(message),
      ...(format === undefined ? {} : { format }),
      message: carried,
    })
    return {
      endpoint,
      paths: subscription.paths,
      answer: 'values',
      waitsInNode: true,
      perform: (server, { timeout }) => {
        requireDevice(server, endpoint)
        return this.firstValue(subscription, timeout)
      },
    }
  }

  /**
   * Observes, and resolves with the first value.
   * @param timeout ms after which the observation is given up
   */
  private firstValue(
    subscription: NodeSubscription,
    timeout: number | undefined,
  ): Promise<OperationResult> {
    const { observer } = this
    return new Promise((resolve, reject) => {
      const onTimeout = (): void => {
        if (!observer.withdraw(subscription, first)) return
        const what = `the observation of ${subscription.paths.join(', ')} of ${subscription.target}`
        reject(new CodedError('timeout', `${what} was not answered within ${timeout} ms`))
      }
      const timer = timeout === undefined ? undefined : this.scheduler.after(timeout, onTimeout)
      const first: FirstOutcome = {
        onValue: (result) => {
          this.scheduler.cancel(timer)
          resolve(result)
        },
        onError: (error) => {
          this.scheduler.cancel(timer)
          reject(error)
        },
      }
      try {
        observer.add(subscription, first)
      } catch (error) {
        this.scheduler.cancel(timer)
        throw error
      }
    })
  }

  private cancelAction({ endpoint, paths }: Request): PreparedAction {
    const wanted = makeSubscription(endpoint, paths).paths
    const key = wanted.join(' ')
    return {
      endpoint,
      paths: wanted,
      answer: 'done',
      perform: (server) => {
        requireDevice(server, endpoint)
        const removed = this.observer.remove(
          (subscription) =>
            subscription.target === endpoint && subscription.paths.join(' ') === key,
        )
        if (removed === 0) throw new OperationError('not-observed', `${key} is not observed`)
        const path = Path.parse(wanted[0] ?? '/')
        return Promise.resolve(nothing(endpoint, path))
      },
    }
  }
}

/** An action on one path whose answer is that it is done. */
function done(
  { endpoint, paths }: Request,
  perform: (
    server: Lwm2mServer,
    path: string,
    options: OperationOptions,
  ) => Promise<OperationResult>,
): PreparedAction {
  const [path, ...more] = paths
  if (path === undefined) throw noPath()
  if (more.length > 0) throw new ArgumentError('this operation takes one path')
  return {
    endpoint,
    paths: [path],
    answer: 'done',
    perform: (server, options) => perform(server, path, options),
  }
}

function noPath(): ArgumentError {
  return new ArgumentError('no path: set it in msg.path, such as /3/0/9')
}

function requireDevice(server: Lwm2mServer, endpoint: string): void {
  if (server.registrations.get(endpoint) === undefined) {
    throw new OperationError('unknown-endpoint', `${quoteName(endpoint)} is not registered`)
  }
}

/** `msg.options`: times in seconds, as in the dialogs. */
function operationOptions(options: Request['options']): Partial<OperationOptions> {
  const { format, timeout, ttl, replaceQueued } = options
  const number = format === undefined ? undefined : formatOption(format)
  const timeoutMs = seconds('timeout', timeout)
  const ttlMs = seconds('ttl', ttl)
  return {
    ...(number === undefined ? {} : { format: number }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    ...(replaceQueued === true ? { replaceQueued } : {}),
  }
}

function formatOption(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new ArgumentError('msg.options.format must be the name or number of a content format')
  }
  try {
    return readFormat(String(value))
  } catch (error) {
    throw new ArgumentError(`msg.options.format: ${toCodedError(error).message}`)
  }
}

function seconds(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const number = Number(value)
  if (Number.isFinite(number) && number >= 0) return number * 1000
  throw new ArgumentError(`msg.options.${name} must be a number of seconds`)
}

function readDepth(value: unknown): { depth?: number } {
  if (value === undefined || value === null || value === '') return {}
  const depth = Number(value)
  if ([0, 1, 2, 3].includes(depth)) return { depth }
  throw new ArgumentError('msg.options.depth must be 0 to 3')
}

function readMode(value: unknown): { mode?: 'replace' | 'update' } {
  if (value === undefined || value === null || value === '') return {}
  if (value === 'replace' || value === 'update') return { mode: value }
  throw new ArgumentError('msg.options.mode must be replace or update')
}
