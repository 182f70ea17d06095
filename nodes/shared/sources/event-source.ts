import { matchesPattern } from '../../../src/server/endpoint-pattern'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type {
  OperationResult,
  Registration,
  RegistrationChange,
  ServerWarning,
} from '../../../src/server/types'
import { countStatus, serverStatus } from '../status/device-status'
import { type PayloadKeys, singleValueText, valueMessage } from '../messages/messages'
import { resourceLookup } from '../messages/names'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import { registrationInfo } from '../messages/registration-info'
import type { HostState, HostUser } from '../server/server-host'
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
      if (found === undefined) throw new SettingError(`${JSON.stringify(text)} is no event`)
      return found
    }),
  )
}

export interface EventSourceSettings {
  readonly events: ReadonlySet<EventName>
  /** Of endpoint names. */
  readonly pattern: string
  readonly keys: PayloadKeys
}

/** Turns the events of a server into messages. */
export class EventSource {
  private readonly status: StatusLine
  private removers: (() => void)[] = []

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
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
    const user: HostUser = {
      onEngine: ({ server }) => {
        this.detach()
        this.attach(server)
      },
      onState: (state) => this.showDevices(state),
      onDevices: () => this.showDevices(host.state),
    }
    const leave = host.use(user, node)
    node.on('close', () => {
      leave()
      this.detach()
      this.status.close()
    })
  }

  private showDevices(state: HostState): void {
    const content = serverStatus(this.RED, state)
    if (content !== undefined) this.status.show(content)
    else if (state.kind === 'running') {
      this.status.show(countStatus(this.RED, state.engine.server.registrations.size))
    }
  }

  private detach(): void {
    for (const remove of this.removers.splice(0)) remove()
  }

  private attach(server: Lwm2mServer): void {
    const { events } = this.settings
    const add = (name: EventName, listen: () => () => void): void => {
      if (events.has(name)) this.removers.push(listen())
    }
    const plain = (
      name: 'deregistered' | 'expired' | 'awake' | 'asleep' | 'connected' | 'disconnected',
    ) =>
      add(name, () => server.on(name, (registration) => this.about(server, name, registration, {})))
    add('registered', () =>
      server.on('registered', (registration, previous) =>
        this.about(server, 'registered', registration, { again: previous !== undefined }),
      ),
    )
    add('updated', () =>
      server.on('updated', (registration, change) =>
        this.about(server, 'updated', registration, { change: changeInfo(change) }),
      ),
    )
    plain('deregistered')
    plain('expired')
    plain('awake')
    plain('asleep')
    plain('connected')
    plain('disconnected')
    add('send', () => server.on('send', (result, from) => this.onSend(server, result, from)))
    add('queue', () => server.on('queue', (endpoint, waiting) => this.onQueue(endpoint, waiting)))
    add('warning', () => server.on('warning', (warning) => this.onWarning(warning)))
  }

  private wants(endpoint: string): boolean {
    const { pattern } = this.settings
    return pattern === endpoint || matchesPattern(pattern, endpoint)
  }

  private emit(event: EventName, endpoint: string | undefined, rest: NodeMessage): void {
    this.node.send({
      topic: endpoint === undefined ? event : `${endpoint}/${event}`,
      event,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...rest,
    })
  }

  private about(
    server: Lwm2mServer,
    event: EventName,
    registration: Registration,
    more: { readonly [name: string]: unknown },
  ): void {
    if (!this.wants(registration.endpoint)) return
    const payload = { ...registrationInfo(server.model, registration), ...more }
    this.emit(event, registration.endpoint, { payload })
  }

  private onSend(server: Lwm2mServer, result: OperationResult, registration: Registration): void {
    if (!this.wants(result.endpoint)) return
    const paths = result.records.map(({ path }) => path)
    const { model } = server
    const context = { model, registration, keys: this.settings.keys }
    this.node.send(valueMessage({ event: 'send' }, result, paths, context))
    const text = singleValueText(result.records, resourceLookup(model, registration))
    if (text !== undefined) {
      this.status.show({ fill: 'green', shape: 'dot', text, since: Date.now() })
    }
  }

  private onQueue(endpoint: string, waiting: number): void {
    if (this.wants(endpoint)) this.emit('queue', endpoint, { payload: waiting })
  }

  /** Warnings that concern no known device are for those who listen to all of them. */
  private onWarning(warning: ServerWarning): void {
    const { code, message, endpoint, peer, stranger, path, raw } = warning
    if (endpoint === undefined ? this.settings.pattern !== '*' : !this.wants(endpoint)) return
    this.emit('warning', endpoint, {
      payload: {
        code,
        message,
        ...(peer === undefined ? {} : { address: peer.address, port: peer.port }),
        ...stranger,
        ...(raw === undefined ? {} : { raw: Buffer.from(raw) }),
      },
      ...(path === undefined ? {} : { path: path.toString() }),
    })
  }
}

function changeInfo(change: RegistrationChange): object {
  const { address, lifetime, binding, objects, added, removed } = change
  return { address, lifetime, binding, objects, added: [...added], removed: [...removed] }
}
