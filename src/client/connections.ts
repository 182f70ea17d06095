import type { Scheduler } from '../base/scheduler'
import { serverAccounts, type ServerAccount } from './accounts'
import type { AccountSettings } from './account-settings'
import type { VirtualDevice } from './device'
import type { RegistrationOrder } from './session/registration-order'
import { ServerConnection, type ConnectionListener } from './session/server-connection'
import { parseServerUri } from './session/server-uri'
import { openTransport, transportTarget } from './transports'
import type { ClientState, Lwm2mClientEvents, Lwm2mClientOptions } from './types'

/** States in order of precedence, if several servers are in different ones. */
const TELLING: readonly ClientState[] = [
  'registered',
  'sleeping',
  'registering',
  'waiting',
  'disabled',
  'failed',
]

/** Called by the connections; implemented by the client. */
export interface ConnectionsListener {
  /** A state changed. */
  onState(): void
  /** All attempts to register at a server failed. */
  onGaveUp(account: ServerAccount): void
  emit<K extends keyof Lwm2mClientEvents>(event: K, ...args: Lwm2mClientEvents[K]): void
  /** Undefined if there is no listener. */
  trace(): ((...args: Lwm2mClientEvents['trace']) => void) | undefined
}

/** The device's connections: one per complete server account. */
export class Connections {
  private current: readonly ServerConnection[] = []

  constructor(
    private readonly options: Lwm2mClientOptions,
    private readonly device: VirtualDevice,
    private readonly settings: AccountSettings,
    private readonly clock: Scheduler,
    private readonly listener: ConnectionsListener,
  ) {}

  get all(): readonly ServerConnection[] {
    return this.current
  }

  /** The state with the highest precedence. */
  get state(): ClientState {
    const states = this.current.map((connection) => connection.state)
    return TELLING.find((state) => states.includes(state)) ?? 'registering'
  }

  of(shortServerId: number): ServerConnection | undefined {
    return this.current.find(({ account }) => account.shortServerId === shortServerId)
  }

  /** Binds and starts to register, in the order given by the accounts. @throws BindError */
  async open(): Promise<void> {
    const accounts = serverAccounts(this.device.tree)
    const order = this.settings.order(accounts)
    this.current = accounts.map((account, index) =>
      this.connection(account, order, index === 0 ? this.options.local?.port : undefined),
    )
    for (const { session } of this.current) await session.start()
    this.listener.onState()
  }

  /** @param timeout milliseconds that de-registration may take */
  async close(deregister: boolean, timeout: number): Promise<void> {
    await Promise.all(this.current.map((connection) => connection.stop(deregister, timeout)))
    this.current = []
  }

  private connection(
    account: ServerAccount,
    order: RegistrationOrder,
    port: number | undefined,
  ): ServerConnection {
    const { clock, options, device, settings } = this
    const uri = parseServerUri(account.uri)
    const transport = openTransport(options, transportTarget(account, uri.secure, clock), port)
    return new ServerConnection(
      account,
      settings.session(account, uri, transport, clock, order),
      {
        clock,
        tree: device.tree,
        behaviours: device.behaviours,
        root: options.alternateRoot ?? '',
        formats: (version) => settings.formats(version),
      },
      options.sleep?.holdNotifications ?? false,
      this.connectionListener(account, order),
    )
  }

  private connectionListener(account: ServerAccount, order: RegistrationOrder): ConnectionListener {
    const { listener } = this
    const { shortServerId } = account
    return {
      onState: () => listener.onState(),
      onRegistered: (registration) => {
        listener.emit('registered', registration)
        order.registered(shortServerId)
      },
      onUpdated: (registration) => listener.emit('updated', registration),
      onDeregistered: (registration) => listener.emit('deregistered', registration),
      onFailing: () => order.failed(shortServerId),
      onGaveUp: () => listener.onGaveUp(account),
      onWritten: (path, records) => {
        const [first] = records
        const value = first !== undefined && first.path.equals(path) ? first.value : undefined
        listener.emit('written', { path, value, records })
      },
      onExecuted: (path, args) => listener.emit('executed', { path, args }),
      onCreated: (path) => listener.emit('created', path),
      onDeleted: (path) => listener.emit('deleted', path),
      onObserved: (paths) => listener.emit('observed', paths),
      onObservationEnded: (paths, reason) => listener.emit('observationEnded', paths, reason),
      onNotified: (paths, records) => listener.emit('notified', paths, records),
      onWarning: (code, message, error) =>
        listener.emit('warning', { code, message, shortServerId, error }),
      onTrace: listener.trace(),
    }
  }
}
