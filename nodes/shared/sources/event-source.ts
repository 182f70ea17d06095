import {
  type Lwm2mServer,
  type OperationResult,
  type Registration,
  type RegistrationChange,
  type ServerWarning,
  matchesPattern,
} from '../../../src'
import { countStatus, serverStatus } from '../status/device-status'
import type { LargeIntegers } from '../messages/flow-values'
import { type PayloadKeys, singleValueText, valueMessage } from '../messages/messages'
import { definitionsOf } from '../messages/names'
import { topicOf } from '../messages/topic'
import { onClose } from '../runtime/entries'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import { registrationInfo } from '../messages/registration-info'
import type { HostState } from '../server/server-host'
import { EventFeed } from './event-feed'
import { findHost } from '../server/server-node'
import { SettingError } from '../runtime/settings'
import { StatusLine } from '../status/status-line'

/** What can be chosen in the dialog. */
export const EVENT_NAMES = [
  'registered',
  'updated',
  'deregistered',
  'expired',
  'awake',
  'asleep',
  'connected',
  'disconnected',
  'send',
  'queue',
  'warning',
] as const
export type EventName = (typeof EVENT_NAMES)[number]

const DEFAULT_EVENTS: readonly EventName[] = ['registered', 'updated', 'deregistered', 'expired']

/** @throws SettingError */
export function readEventNames(texts: readonly string[]): ReadonlySet<EventName> {
  if (texts.length === 0) return new Set(DEFAULT_EVENTS)
  return new Set(
    texts.map((text) => {
      const found = EVENT_NAMES.find((name) => name === text)
      if (found !== undefined) return found
      const known = EVENT_NAMES.join(', ')
      throw new SettingError(`unknown event ${JSON.stringify(text)}, expected one of ${known}`)
    }),
  )
}

export interface EventSourceSettings {
  readonly events: ReadonlySet<EventName>
  /** Of endpoint names. */
  readonly pattern: string
  readonly keys: PayloadKeys
  readonly integers: LargeIntegers
}

/** Turns the events of a server into messages. */
export class EventSource {
  private readonly status: StatusLine

  constructor(
    private readonly RED: NodeAPI,
    node: Node,
    serverId: string,
    private readonly settings: EventSourceSettings,
  ) {
    this.status = new StatusLine(RED, node)
    const host = findHost(RED, serverId)
    if (host === undefined) {
      this.status.show({
        fill: 'red',
        shape: 'ring',
        text: sharedText(RED, 'failure.no-server'),
      })
      return
    }
    new EventFeed(host, node, {
      listen: ({ server }, push) => this.listen(server, push),
      send: (message) => node.send(message),
      onState: (state) => this.showDevices(state),
      onDevices: () => this.showDevices(host.state),
    })
    onClose(node, () => this.status.close())
  }

  private showDevices(state: HostState): void {
    const content = serverStatus(this.RED, state)
    if (content !== undefined) this.status.show(content)
    else if (state.kind === 'running') {
      this.status.show(countStatus(this.RED, state.engine.server.registrations.size))
    }
  }

  /** Answers what stops it. */
  private listen(server: Lwm2mServer, push: (message: NodeMessage) => void): () => void {
    const { events } = this.settings
    const removers: (() => void)[] = []
    const add = (name: EventName, listen: () => () => void): void => {
      if (events.has(name)) removers.push(listen())
    }
    const about = (
      name: EventName,
      registration: Registration,
      more: { readonly [name: string]: unknown },
    ): void => {
      if (!this.wants(registration.endpoint)) return
      const payload = { ...registrationInfo(server.model, registration), ...more }
      push(eventMessage(name, registration.endpoint, { payload }))
    }
    const plain = (
      name: 'deregistered' | 'expired' | 'awake' | 'asleep' | 'connected' | 'disconnected',
    ) => add(name, () => server.on(name, (registration) => about(name, registration, {})))
    add('registered', () =>
      server.on('registered', (registration, previous) =>
        about('registered', registration, { again: previous !== undefined }),
      ),
    )
    add('updated', () =>
      server.on('updated', (registration, change) =>
        about('updated', registration, { change: changeInfo(change) }),
      ),
    )
    plain('deregistered')
    plain('expired')
    plain('awake')
    plain('asleep')
    plain('connected')
    plain('disconnected')
    add('send', () =>
      server.on('send', (result, from) => {
        if (this.wants(result.endpoint)) push(this.sendMessage(server, result, from))
      }),
    )
    add('queue', () =>
      server.on('queue', (endpoint, waiting) => {
        if (this.wants(endpoint)) push(eventMessage('queue', endpoint, { payload: waiting }))
      }),
    )
    add('warning', () =>
      server.on('warning', (warning) => {
        if (this.wantsWarning(warning)) push(warningMessage(warning))
      }),
    )
    return () => {
      for (const remove of removers) remove()
    }
  }

  private wants(endpoint: string): boolean {
    const { pattern } = this.settings
    return pattern === endpoint || matchesPattern(pattern, endpoint)
  }

  /** Warnings that concern no known device are for those who listen to all of them. */
  private wantsWarning({ endpoint }: ServerWarning): boolean {
    return endpoint === undefined ? this.settings.pattern === '*' : this.wants(endpoint)
  }

  private sendMessage(
    server: Lwm2mServer,
    result: OperationResult,
    registration: Registration,
  ): NodeMessage {
    const paths = result.records.map(({ path }) => path)
    const { model } = server
    const text = singleValueText(result.records, definitionsOf(result, model, registration))
    if (text !== undefined) {
      this.status.show({ fill: 'green', shape: 'dot', text, since: Date.now() })
    }
    const { keys, integers } = this.settings
    const context = { model, registration, keys, integers }
    return valueMessage({ event: 'send' }, result, paths, context)
  }
}

function eventMessage(
  event: EventName,
  endpoint: string | undefined,
  rest: NodeMessage,
): NodeMessage {
  return {
    topic: endpoint === undefined ? event : topicOf(endpoint, `/${event}`),
    event,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...rest,
  }
}

function warningMessage(warning: ServerWarning): NodeMessage {
  const { code, message, endpoint, peer, sender, path, raw } = warning
  return eventMessage('warning', endpoint, {
    payload: {
      code,
      message,
      ...(peer === undefined ? {} : { address: peer.address, port: peer.port }),
      ...sender,
      ...(raw === undefined ? {} : { raw: Buffer.from(raw) }),
    },
    ...(path === undefined ? {} : { path: path.toString() }),
  })
}

function changeInfo(change: RegistrationChange): object {
  const { address, lifetime, binding, objects, added, removed } = change
  return { address, lifetime, binding, objects, added: [...added], removed: [...removed] }
}
