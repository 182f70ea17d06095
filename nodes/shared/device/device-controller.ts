import { CodedError } from '../../../src/base/coded-error'
import { detach } from '../../../src/base/guard'
import { builtinModel } from '../../../src'
import type { ClientState, InputValue, InstanceDescription, Lwm2mClient } from '../../../src/client'
import { asValue } from '../../../src/internal'
import type { DeviceRemoval } from './device-removal'
import { DeviceMessages } from './device-messages'
import { failureStatus, toCodedError } from '../messages/failure'
import type { LargeIntegers } from '../messages/flow-values'
import { ArgumentError, splitPaths } from '../messages/fields'
import type { FlowsLifecycle } from '../runtime/flows-lifecycle'
import type { PendingDeregistrations } from './pending-deregistrations'
import { onClose, onInput } from '../runtime/entries'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import { StatusLine, type StatusContent } from '../status/status-line'

/**
 * How long a device whose node is removed waits for the answer to its De-register, ms: longer would
 * delay the deploy and gain nothing, since a repetition comes after 2 s at the earliest.
 */
const DEREGISTER_TIMEOUT = 500

/** How long a device waits for the servers of the same deploy before it registers, ms. */
const SERVER_PATIENCE = 5_000

/** What `msg.action` may be. */
const ACTIONS = [
  'set',
  'get',
  'create',
  'delete',
  'send',
  'update',
  'start',
  'stop',
  'sleep',
] as const
type Action = (typeof ACTIONS)[number]

/** What devices know of the Node-RED around them. */
export interface DeviceSurroundings {
  readonly lifecycle: FlowsLifecycle
  readonly servers: { settled(patience: number): Promise<void> }
  readonly deregistrations: PendingDeregistrations
}

export interface DeviceControllerOptions {
  /** Begin to register with the deploy. */
  readonly autoStart: boolean
  /** Messages for its registrations too, not only for what servers do to it. */
  readonly reportState: boolean
  readonly integers: LargeIntegers
  /** Removes what is kept of the device, whose node was removed. */
  readonly forget: () => Promise<void>
  /** Says whether it comes back. */
  readonly removal: DeviceRemoval
  readonly runtime: DeviceSurroundings
}

/** One virtual device in a flow: its input sets values, its output reports what servers do. */
export class DeviceController {
  private readonly status: StatusLine
  private readonly messages: DeviceMessages
  private closed = false

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly client: Lwm2mClient,
    private readonly options: DeviceControllerOptions,
  ) {
    this.status = new StatusLine(RED, node)
    this.messages = new DeviceMessages(
      client.options.endpoint,
      client.options.model ?? builtinModel(),
      options.integers,
    )
    this.listen()
    onInput(
      node,
      (message, send) => this.handle(message, send),
      (error) => toCodedError(error),
    )
    onClose(node, async (removed) => {
      this.closed = true
      this.status.close()
      // One that only restarts does not de-register: it registers again in a moment.
      const deregister = options.removal.isFinal(removed)
      const stopped = client.stop({ timeout: DEREGISTER_TIMEOUT, deregister })
      options.runtime.deregistrations.add(stopped)
      const gone = options.removal.isGone(removed)
      await stopped
      if (gone) await options.forget()
    })
    this.showState('stopped')
    if (options.autoStart) detach(this.startWithDeploy(), (error) => this.fail(error))
  }

  private listen(): void {
    const { client, node, messages } = this
    client.on('state', (state) => this.showState(state))
    client.on('written', ({ path, records }) => node.send(messages.written(path, records)))
    client.on('executed', ({ path, args }) => node.send(messages.executed(path, args)))
    client.on('created', (path) => node.send(messages.instance('created', path)))
    client.on('deleted', (path) => node.send(messages.instance('deleted', path)))
    client.on('warning', ({ code, message }) => {
      // What goes wrong while it is taken down is nobody's concern.
      if (!this.closed) node.warn(`${message} (${code})`)
    })
    if (!this.options.reportState) return
    client.on('registered', (registration) =>
      node.send(messages.registration('registered', registration)),
    )
    client.on('deregistered', (registration) =>
      node.send(messages.registration('deregistered', registration)),
    )
    client.on('bootstrapped', (accounts) => node.send(messages.bootstrapped(accounts)))
  }

  private async startWithDeploy(): Promise<void> {
    const { lifecycle, servers } = this.options.runtime
    await lifecycle.started()
    await servers.settled(SERVER_PATIENCE)
    if (!this.closed) await this.start()
  }

  private async start(): Promise<void> {
    await this.client.start()
    this.showState(this.client.state)
  }

  private async handle(message: NodeMessage, send: (message: NodeMessage) => void): Promise<void> {
    const { client } = this
    const action = readAction(message['action'])
    switch (action) {
      case 'set':
        return this.set(message)
      case 'get':
        return send(this.messages.value(message, client, onePath(message)))
      case 'create':
        return client.createInstance(onePath(message), instanceOf(message.payload))
      case 'delete':
        return client.deleteInstance(onePath(message))
      case 'send':
        return this.sendValues(message)
      case 'update':
        return client.update()
      case 'start':
        return this.start()
      case 'stop':
        return client.stop()
      case 'sleep':
        return client.sleep()
    }
  }

  /** One value at `msg.path`, or several by path in `msg.payload`. */
  private set(message: NodeMessage): void {
    const [path] = splitPaths(message['path'])
    if (path !== undefined) {
      this.client.set(path, inputOf(message.payload))
      return
    }
    for (const [each, value] of valuesByPath(message.payload)) this.client.set(each, value)
  }

  /** LwM2M Send of the present values of `msg.path`; values in `msg.payload` are set first. */
  private async sendValues(message: NodeMessage): Promise<void> {
    const paths = splitPaths(message['path'])
    if (paths.length === 0) {
      const values = valuesByPath(message.payload)
      for (const [path, value] of values) this.client.set(path, value)
      await this.client.send(values.map(([path]) => path))
      return
    }
    const [path] = paths
    if (paths.length === 1 && path !== undefined && isInput(message.payload)) {
      this.client.set(path, inputOf(message.payload))
    }
    await this.client.send(paths)
  }

  private showState(state: ClientState): void {
    const text = sharedText(this.RED, `device.${state}`)
    const look: { readonly [S in ClientState]: Pick<StatusContent, 'fill' | 'shape'> } = {
      stopped: { fill: 'grey', shape: 'ring' },
      bootstrapping: { fill: 'yellow', shape: 'dot' },
      registering: { fill: 'yellow', shape: 'ring' },
      registered: { fill: 'green', shape: 'dot' },
      sleeping: { fill: 'blue', shape: 'ring' },
      disabled: { fill: 'grey', shape: 'dot' },
      waiting: { fill: 'yellow', shape: 'ring' },
      failed: { fill: 'red', shape: 'ring' },
    }
    this.status.show({ ...look[state], text })
  }

  private fail(thrown: unknown): void {
    const error = toCodedError(thrown)
    this.status.show(failureStatus(this.RED, error))
    this.node.error(error, {})
  }
}

function readAction(value: unknown): Action {
  if (value === undefined || value === null || value === '') return 'set'
  const found = ACTIONS.find((action) => action === value)
  if (found !== undefined) return found
  throw new ArgumentError(`msg.action must be one of ${ACTIONS.join(', ')}`)
}

function onePath(message: NodeMessage): string {
  const [path, ...more] = splitPaths(message['path'])
  if (path === undefined || more.length > 0) {
    throw new ArgumentError('this action needs one path in msg.path')
  }
  return path
}

type Input = Parameters<Lwm2mClient['set']>[1]

function isInput(value: unknown): value is Input {
  return (
    ['string', 'number', 'boolean', 'bigint', 'object'].includes(typeof value) && value !== null
  )
}

function inputOf(value: unknown): Input {
  if (isInput(value)) return asValue(value) ?? value
  throw new ArgumentError('no value: set it in msg.payload')
}

function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    asValue(value) === undefined
  )
}

function valuesByPath(payload: unknown): [path: string, value: Input][] {
  if (!isPlainObject(payload) || Object.keys(payload).length === 0) {
    throw new ArgumentError('no path: set it in msg.path, or give values by path in msg.payload')
  }
  return Object.entries(payload).map(([path, value]) => [path, inputOf(value)])
}

function instanceOf(payload: unknown): InstanceDescription {
  if (payload === undefined || payload === null || payload === '') return {}
  if (isPlainObject(payload)) return payload as { [id: string]: InputValue }
  throw new CodedError('invalid-argument', 'msg.payload must be an object by resource id')
}
