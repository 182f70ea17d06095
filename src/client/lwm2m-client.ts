import { systemClock, type Clock } from '../base/clock'
import { TypedEmitter } from '../base/events'
import { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Value } from '../lwm2m/value'
import { bootstrapAccount, serverAccounts, serverResource, type ServerAccount } from './accounts'
import { AccountSettings } from './account-settings'
import { fetchPackage, parsePackageUri } from './behaviours/package-fetch'
import { VirtualDevice, type DeviceActions } from './device'
import { ClientError } from './errors'
import { Provisioning } from './provisioning'
import { collect, sendTo } from './sending'
import { Kick } from './session/kick'
import { ServerConnection, type ConnectionListener } from './session/server-connection'
import { parseServerUri } from './session/server-uri'
import { openTransport } from './transports'
import type {
  ClientRegistration,
  ClientState,
  InstanceDescription,
  Lwm2mClientEvents,
  Lwm2mClientOptions,
  ResourceInput,
  SendResult,
} from './types'

const BOOTSTRAP_ON_FAILURE = 16
const DEFAULT_REBOOT = 1000
const DEFAULT_STOP = 5000

/** States by how much they say, where several servers are in different ones. */
const TELLING: readonly ClientState[] = [
  'registered',
  'sleeping',
  'registering',
  'waiting',
  'disabled',
  'failed',
]

/**
 * An LwM2M client: a simulated device, or a gateway for things that speak something else. It
 * bootstraps, registers, answers servers' operations and notifies, all by itself from
 * {@link start} to {@link stop}.
 */
export class Lwm2mClient extends TypedEmitter<Lwm2mClientEvents> {
  private readonly clock: Clock
  private readonly device: VirtualDevice
  private readonly settings: AccountSettings
  private readonly provisioning: Provisioning
  private readonly pause: Kick
  private connections: ServerConnection[] = []
  private running = false
  private bootstrapping: 'no' | 'yes' | 'waiting' | 'failed' = 'no'
  private told: ClientState = 'stopped'
  /** Ends a bootstrap under way. */
  private abort = new AbortController()
  /** Starts, stops and bootstraps, one after the other. */
  private turn: Promise<void> = Promise.resolve()

  /** @throws ClientError `invalid-description`, `invalid-argument`; ValueError */
  constructor(readonly options: Lwm2mClientOptions) {
    super()
    if (options.endpoint === '') throw new ClientError('invalid-argument', 'endpoint is empty')
    this.clock = options.clock ?? systemClock
    this.pause = new Kick(this.clock)
    this.device = new VirtualDevice(options, this.clock, this.actions())
    this.settings = new AccountSettings(options, this.device.tree)
    this.provisioning = new Provisioning(
      options,
      this.device,
      this.clock,
      this.settings.retry(undefined),
      {
        onWaiting: (waiting) => this.setBootstrapping(waiting ? 'waiting' : 'yes'),
        onWarning: (code, message, error) => this.emit('warning', { code, message, error }),
        trace: () => this.trace,
      },
    )
  }

  get state(): ClientState {
    if (!this.running) return 'stopped'
    if (this.bootstrapping === 'yes') return 'bootstrapping'
    if (this.bootstrapping !== 'no') return this.bootstrapping
    const states = this.connections.map((connection) => connection.state)
    return TELLING.find((state) => states.includes(state)) ?? 'registering'
  }

  /** The registrations that stand now: one per server account. */
  get registrations(): readonly ClientRegistration[] {
    return this.connections.flatMap(({ registration }) => registration ?? [])
  }

  /** The paths of each observation that servers made. */
  get observations(): readonly (readonly Path[])[] {
    return this.connections.flatMap((connection) => connection.observed)
  }

  /**
   * Binds and begins to register (or bootstrap), which goes on by itself; failures there are
   * `warning` events. @throws BindError, and what the accounts store throws
   */
  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.running) return
      await this.provisioning.load()
      this.running = true
      this.abort = new AbortController()
      this.device.start()
      try {
        if (serverAccounts(this.device.tree).length > 0) await this.connectAll()
        else this.beginBootstrap()
      } catch (error) {
        await this.halt(false, 0)
        throw error
      }
    })
  }

  /**
   * De-registers (best effort, at most `timeout` ms, default 5000) and frees the socket. Idempotent.
   * Without `deregister` the device just vanishes.
   */
  stop(options: { timeout?: number; deregister?: boolean } = {}): Promise<void> {
    const { timeout = DEFAULT_STOP, deregister = true } = options
    this.abort.abort()
    this.pause.now()
    return this.inTurn(() => this.halt(deregister, timeout))
  }

  /**
   * Sets a value from the outside world: of a resource instance, of a resource (an array or object by
   * id for a multiple one), or of several resources of an instance. A signal there ends.
   * @throws ClientError `unknown-path`, `invalid-description`; ValueError; PathError
   */
  set(path: Path | string, value: ResourceInput | InstanceDescription): void {
    this.device.set(Path.from(path), value)
  }

  /** A resource's value; undefined where there is none, a map by instance id for a multiple one. */
  get(path: Path | string): Value | ReadonlyMap<number, Value> | undefined {
    return this.device.get(Path.from(path))
  }

  /** All values at or below a path, but for credentials. */
  records(path: Path | string): Record[] {
    return this.device.records(Path.from(path))
  }

  /**
   * Adds an instance (and the object, when new); an Update tells the servers.
   * @throws ClientError `invalid-argument` when it is there, `invalid-description`; ValueError
   */
  createInstance(path: Path | string, resources: InstanceDescription): void {
    this.device.createInstance(Path.from(path), resources)
  }

  /** @throws ClientError `unknown-path` */
  deleteInstance(path: Path | string): void {
    this.device.deleteInstance(Path.from(path))
  }

  /**
   * LwM2M Send (Core §6.4.6) to every server that the device is registered at: the current values of
   * paths, or records with values (and times).
   * @throws ClientError `not-registered`, `muted`, `unsupported`, `unknown-path`; ServerRejected
   */
  async send(what: readonly (Path | string | Record)[]): Promise<SendResult[]> {
    const connections = this.connections.filter(({ registration }) => registration !== undefined)
    if (connections.length === 0) {
      throw new ClientError('not-registered', 'the device is not registered')
    }
    const records = collect(this.device, what)
    return Promise.all(
      connections.map((connection) =>
        sendTo(
          this.device,
          connection,
          this.settings.formats(connection.registration?.version ?? '1.1'),
          this.options.alternateRoot ?? '',
          records,
        ),
      ),
    )
  }

  /**
   * Sends a registration Update to every server now; wakes a sleeping device, cuts a pause short.
   * @throws ClientError `not-running`, and what keeps the server from answering
   */
  async update(): Promise<void> {
    if (!this.running) throw new ClientError('not-running', 'the client is stopped')
    this.pause.now()
    await Promise.all(this.connections.map(({ session }) => session.update()))
  }

  /** Puts a queue-mode device to sleep before its awake window ends. */
  sleep(): void {
    for (const { session } of this.connections) session.sleep()
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => {})
    return done
  }

  private async halt(deregister: boolean, timeout: number): Promise<void> {
    if (!this.running) return
    await this.disconnectAll(deregister, timeout)
    await this.provisioning.close()
    this.device.stop()
    this.bootstrapping = 'no'
    this.running = false
    this.tellState()
  }

  private async connectAll(): Promise<void> {
    const accounts = serverAccounts(this.device.tree)
    this.connections = accounts.map((account, index) =>
      this.connection(account, index === 0 ? this.options.local?.port : undefined),
    )
    for (const { session } of this.connections) await session.start()
    this.tellState()
  }

  private async disconnectAll(deregister: boolean, timeout: number): Promise<void> {
    const { connections } = this
    await Promise.all(connections.map((connection) => connection.stop(deregister, timeout)))
    this.connections = []
  }

  /** Bootstraps in the background, then registers where it was told to. */
  private beginBootstrap(): void {
    this.setBootstrapping('yes')
    const { signal } = this.abort
    const bootstrapped = this.provisioning.bootstrap(signal, this.pause)
    const connected = bootstrapped.then((accounts) => {
      this.emit(
        'bootstrapped',
        accounts.map(({ shortServerId, uri }) => ({ shortServerId, server: uri })),
      )
      return this.inTurn(async () => {
        if (signal.aborted || !this.running) return
        this.bootstrapping = 'no'
        await this.connectAll()
      })
    })
    connected.catch((error: unknown) => {
      if (signal.aborted) return
      const why = error instanceof Error ? error : new Error(String(error))
      this.emit('warning', { code: 'bootstrap-failed', message: why.message, error: why })
      this.setBootstrapping('failed')
    })
  }

  /** Leaves the servers for the bootstrap server. */
  private bootstrapAgain(deregister: boolean, reset: boolean): Promise<void> {
    return this.inTurn(async () => {
      if (!this.running || this.bootstrapping !== 'no') return
      await this.disconnectAll(deregister, DEFAULT_STOP)
      if (reset) await this.provisioning.reset()
      if (serverAccounts(this.device.tree).length > 0 && reset) await this.connectAll()
      else this.beginBootstrap()
    }).catch((error: unknown) => {
      const why = error instanceof Error ? error : new Error(String(error))
      this.emit('warning', { code: 'bootstrap-failed', message: why.message, error: why })
    })
  }

  private actions(): DeviceActions {
    return {
      update: (id) =>
        this.connectionOf(id)
          ?.session.update()
          .catch(() => {}),
      disable: (id, seconds) => this.connectionOf(id)?.session.disable(seconds),
      settingsChanged: (id) => this.connectionOf(id)?.settingsChanged(),
      bootstrap: () => {
        void this.bootstrapAgain(true, false)
        return true
      },
      restart: (factory) => this.restart(factory),
      fetch: (uri, signal) => this.fetch(uri, signal),
    }
  }

  private restart(factory: boolean): void {
    if (factory && bootstrapAccount(this.device.tree) !== undefined) {
      void this.bootstrapAgain(false, true)
      return
    }
    const duration = this.options.rebootTime ?? DEFAULT_REBOOT
    for (const connection of this.connections) connection.reboot(duration)
  }

  private fetch(text: string, signal: AbortSignal): Promise<Uint8Array> {
    const { clock, options } = this
    return Promise.resolve().then(() => {
      const uri = parsePackageUri(text)
      const { secure } = uri.server
      const psk = serverAccounts(this.device.tree).find((account) => account.psk)?.psk
      const transport = openTransport(options, { secure, psk, clock }, undefined)
      return fetchPackage(uri, transport, options.coap, clock, signal)
    })
  }

  private connectionOf(shortServerId: number): ServerConnection | undefined {
    return this.connections.find(({ account }) => account.shortServerId === shortServerId)
  }

  private connection(account: ServerAccount, port: number | undefined): ServerConnection {
    const { clock, options, device } = this
    const uri = parseServerUri(account.uri)
    const transport = openTransport(options, { secure: uri.secure, psk: account.psk, clock }, port)
    return new ServerConnection(
      account,
      this.settings.session(account, uri, transport, clock),
      {
        clock,
        tree: device.tree,
        behaviours: device.behaviours,
        root: options.alternateRoot ?? '',
        formats: (version) => this.settings.formats(version),
      },
      options.sleep?.holdNotifications ?? false,
      this.listener(account),
    )
  }

  private listener(account: ServerAccount): ConnectionListener {
    const { shortServerId } = account
    return {
      onState: () => this.tellState(),
      onRegistered: (registration) => this.emit('registered', registration),
      onUpdated: (registration) => this.emit('updated', registration),
      onDeregistered: (registration) => this.emit('deregistered', registration),
      onGaveUp: () => {
        const wanted =
          serverResource(this.device.tree, account, BOOTSTRAP_ON_FAILURE) !== false &&
          bootstrapAccount(this.device.tree) !== undefined
        if (wanted) void this.bootstrapAgain(false, false)
      },
      onWritten: (path, records) => {
        const [first] = records
        const value = first !== undefined && first.path.equals(path) ? first.value : undefined
        this.emit('written', { path, value, records })
      },
      onExecuted: (path, args) => this.emit('executed', { path, args }),
      onCreated: (path) => this.emit('created', path),
      onDeleted: (path) => this.emit('deleted', path),
      onObserved: (paths) => this.emit('observed', paths),
      onObservationEnded: (paths, reason) => this.emit('observationEnded', paths, reason),
      onNotified: (paths, records) => this.emit('notified', paths, records),
      onWarning: (code, message, error) =>
        this.emit('warning', { code, message, shortServerId, error }),
      onTrace: this.trace,
    }
  }

  /** Undefined while nobody listens: tracing then costs nothing. */
  private get trace(): ((...args: Lwm2mClientEvents['trace']) => void) | undefined {
    return this.hasListeners('trace') ? (trace) => this.emit('trace', trace) : undefined
  }

  private setBootstrapping(state: 'yes' | 'waiting' | 'failed'): void {
    this.bootstrapping = state
    this.tellState()
  }

  private tellState(): void {
    const { state } = this
    if (state === this.told) return
    const previous = this.told
    this.told = state
    this.emit('state', state, previous)
  }
}
