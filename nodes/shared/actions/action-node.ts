import type { CodedError } from '../../../src/base/coded-error'
import {
  Lwm2mPath as Path,
  type Lwm2mServer,
  type OperationOptions,
  type OperationResult,
  parseFormatName,
} from '../../../src'
import { formatNames } from '../../../src/internal'
import { answerMessage, type AnswerKind } from '../messages/answers'
import { countStatus, deviceStatus, serverStatus } from '../status/device-status'
import { failureStatus, toCodedError } from '../messages/failure'
import { type LargeIntegers, readLargeIntegers } from '../messages/flow-values'
import { keepable } from './keepable'
import { type PayloadKeys, queuedMessage, singleValueText } from '../messages/messages'
import { definitionsOf } from '../messages/names'
import { onClose, onInput } from '../runtime/entries'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { HostState, HostUser, Outcome, ServerHost } from '../server/server-host'
import { findHost, requireHost } from '../server/server-node'
import { type Settings, SettingError } from '../runtime/settings'
import { StatusLine } from '../status/status-line'

/** What a message asks for, checked but not done yet. */
export interface PreparedAction {
  readonly endpoint: string
  /** For the answer's `msg.path`; `/` where an operation has none. */
  readonly paths: readonly string[]
  readonly answer: AnswerKind
  /** It waits for something in the node itself, not in the queue of the device. */
  readonly waitsInNode?: boolean
  /** Options that only this action has. */
  readonly options?: Partial<OperationOptions>
  perform(server: Lwm2mServer, options: OperationOptions): Promise<OperationResult>
  /** Adds what only this action answers. */
  amend?(answer: NodeMessage, server: Lwm2mServer): void
}

/** What happens to a request whose device sleeps. */
export type AsleepPolicy = 'wait' | 'announce' | 'fail'

/** The part of the dialog that all actions share. */
export interface ActionSettings {
  readonly keys: PayloadKeys
  readonly integers: LargeIntegers
  /** Content-Format number; undefined lets the server choose. */
  readonly format: number | undefined
  /** Milliseconds. */
  readonly timeout: number | undefined
  /** Milliseconds a request may wait for a sleeping device. */
  readonly ttl: number | undefined
  readonly asleep: AsleepPolicy
  /** The endpoint of the dialog, for the status. */
  readonly endpoint: string | undefined
}

/** A Content-Format by name or number; undefined for the empty text. @throws SettingError */
export function readFormat(text: string): number | undefined {
  if (text.trim() === '') return undefined
  const format = parseFormatName(text.trim())
  if (format === undefined) {
    const known = formatNames.join(', ')
    throw new SettingError(
      `unknown content format ${JSON.stringify(text)}, expected one of ${known}`,
    )
  }
  return format
}

/** @throws SettingError */
export function readActionSettings(
  settings: Settings,
  endpoint: string | undefined,
): ActionSettings {
  const timeout = settings.number('timeout', { min: 0 })
  const ttl = settings.number('ttl', { min: 0 })
  return {
    keys: settings.choice('keys', ['id', 'name'], 'id'),
    integers: readLargeIntegers(settings),
    format: readFormat(settings.text('format')),
    timeout: timeout === undefined || timeout === 0 ? undefined : timeout * 1000,
    ttl: ttl === undefined ? undefined : ttl * 1000,
    asleep: settings.choice('asleep', ['wait', 'announce', 'fail'], 'wait'),
    endpoint,
  }
}

/** What is kept with a queued request, to make its answer's message after a restart. */
interface Ticket {
  readonly message: NodeMessage
  readonly paths: readonly string[]
  readonly answer: AnswerKind
}

/** A flow node that does one thing to a device for each message, and passes the answer on. */
export class ActionNode {
  private readonly host: ServerHost | undefined
  private readonly status: StatusLine
  private readonly abort = new AbortController()
  private closed = false
  /** Whether the status says nothing but how the device is. */
  private idle = true

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    serverId: string,
    private readonly settings: ActionSettings,
    private readonly prepare: (message: NodeMessage) => Promise<PreparedAction>,
  ) {
    this.status = new StatusLine(RED, node)
    this.host = findHost(RED, serverId)
    const leave = this.join()
    onInput(
      node,
      (message, send, handOver) => this.handle(message, send, handOver),
      (error) => this.fail(error),
    )
    onClose(node, (removed) => {
      this.closed = true
      this.status.close()
      leave(removed)
      // A node that only restarts gets the answers of what is under way or waits for sleeping devices.
      if (removed) this.abort.abort()
    })
  }

  private join(): (removed: boolean) => void {
    const { host } = this
    if (host === undefined) {
      const text = sharedText(this.RED, 'failure.no-server')
      this.status.show({ fill: 'red', shape: 'ring', text })
      return () => {}
    }
    const user: HostUser = {
      onState: (state) => this.showServer(state),
      onDevices: () => {
        if (this.idle) this.showServer(host.state)
      },
    }
    const leave = host.use(user, this.node)
    const forget = host.receive(this.node.id, (data, outcome) => this.late(data as Ticket, outcome))
    return (removed) => {
      leave()
      forget(!removed)
    }
  }

  private async handle(
    message: NodeMessage,
    send: (message: NodeMessage) => void,
    handOver: () => void,
  ): Promise<void> {
    const action = await this.prepare(message)
    const engine = await requireHost(this.host).running()
    // From here on the queue of the device says how many there may be.
    if (action.waitsInNode !== true) handOver()
    const ticket: Ticket = {
      message: keepable(message),
      paths: action.paths,
      answer: action.answer,
    }
    this.show('blue', sharedText(this.RED, 'status.asking'))
    let outcome: Outcome
    try {
      const result = await action.perform(engine.server, {
        ...this.options(engine.server, action, message, send),
        ...action.options,
        ticket: { origin: this.node.id, data: ticket },
      })
      outcome = { result }
    } catch (error) {
      outcome = { error: toCodedError(error) }
    }
    if (this.closed) return this.handOver({ ...ticket, message }, outcome)
    if ('error' in outcome) throw outcome.error
    const answer = this.answer(ticket.answer, message, outcome.result, ticket.paths)
    action.amend?.(answer, engine.server)
    send(answer)
  }

  private options(
    server: Lwm2mServer,
    { endpoint, paths }: PreparedAction,
    message: NodeMessage,
    send: (message: NodeMessage) => void,
  ): OperationOptions {
    const { format, timeout, ttl, asleep } = this.settings
    return {
      signal: this.abort.signal,
      ...(format === undefined ? {} : { format }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(asleep === 'fail' ? { ttl: 0 } : ttl === undefined ? {} : { ttl }),
      onQueued: () => {
        if (this.closed) return
        this.status.show(deviceStatus(this.RED, server, endpoint))
        this.idle = true
        if (asleep === 'announce') {
          send(queuedMessage(this.RED.util.cloneMessage(message), endpoint, paths))
        }
      },
      onProgress: (sent, total) => {
        if (total > 0) this.show('blue', `${Math.floor((sent / total) * 100)} %`)
      },
    }
  }

  /** The node was deployed anew while its request was under way. */
  private handOver(ticket: Ticket, outcome: Outcome): void {
    // The server stopped too: what was queued lives on in its store.
    if ('error' in outcome && ['cancelled', 'not-running'].includes(outcome.error.code)) return
    this.host?.deliver(this.node.id, ticket, outcome)
  }

  /** The answer of a request that a former self of this node made. */
  private late({ message, paths, answer }: Ticket, outcome: Outcome): void {
    if ('error' in outcome) this.node.error(this.fail(outcome.error), message)
    else this.node.send(this.answer(answer, message, outcome.result, paths))
  }

  private answer(
    kind: AnswerKind,
    message: NodeMessage,
    result: OperationResult,
    paths: readonly string[],
  ): NodeMessage {
    const state = this.host?.state
    const server = state?.kind === 'running' ? state.engine.server : undefined
    const registration = server?.registrations.get(result.endpoint)
    const model = server?.model ?? { object: () => undefined, objects: () => [] }
    const value = singleValueText(result.records, definitionsOf(result, model, registration))
    const isHinted = (result.milliseconds?.length ?? 0) > 0
    const done = isHinted ? 'status.done-milliseconds' : 'status.done'
    this.show('green', value ?? sharedText(this.RED, done), value !== undefined)
    const { keys, integers } = this.settings
    const context = { model, registration, keys, integers }
    return answerMessage(kind, message, result, paths.map(Path.from), context)
  }

  private fail(thrown: unknown): CodedError {
    const error = toCodedError(thrown)
    this.idle = false
    this.status.show(failureStatus(this.RED, error))
    return error
  }

  private show(fill: 'blue' | 'green', text: string, aging = false): void {
    this.idle = false
    this.status.show({ fill, shape: 'dot', text, ...(aging ? { since: Date.now() } : {}) })
  }

  private showServer(state: HostState): void {
    this.idle = true
    const { endpoint } = this.settings
    if (state.kind !== 'running') {
      const content = serverStatus(this.RED, state)
      if (content !== undefined) this.status.show(content)
      return
    }
    const { server } = state.engine
    this.status.show(
      endpoint === undefined
        ? countStatus(this.RED, server.registrations.size)
        : deviceStatus(this.RED, server, endpoint),
    )
  }
}
