import { systemClock } from '../base/clock'
import { describeError, detach } from '../base/guard'
import { Scheduler } from '../base/scheduler'
import { TypedEmitter } from '../base/events'
import { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Value } from '../lwm2m/value'
import { bootstrapAccount, SecurityMode, serverAccounts } from './accounts'
import { AccountSettings } from './account-settings'
import { fetchPackage, parsePackageUri } from './behaviours/package-fetch'
import { Connections } from './connections'
import { VirtualDevice, type DeviceActions } from './device'
import { ClientError } from './errors'
import { Provisioning } from './provisioning'
import { collect, sendTo } from './sending'
import { WakeUp } from './session/wake-up'
import { openTransport, transportTarget } from './transports'
import type {
  ClientRegistration,
  ClientState,
  InstanceDescription,
  Lwm2mClientEvents,
  Lwm2mClientOptions,
  ResourceInput,
  SendResult,
} from './types'

/** Bootstrap attempts of a device that already has server accounts. */
const ATTEMPTS_WITH_ACCOUNTS = 3
const DEFAULT_REBOOT = 1000
const DEFAULT_STOP = 5000

/**
 * An LwM2M client: a simulated device, or a gateway for devices with other protocols. From
 * {@link start} to {@link stop} it bootstraps, registers, answers the servers' operations and
 * notifies automatically.
 *
 * @example
 * ```js
 * import { Lwm2mServer } from '@lwm2m-flows/node-red-lwm2m'
 * import { Lwm2mClient } from '@lwm2m-flows/node-red-lwm2m/client'
 *
 * const server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 } })
 * const { coap } = await server.start()
 * const device = new Lwm2mClient({
 *   endpoint: 'plug-1',
 *   server: `coap://127.0.0.1:${coap.port}`,
 *   objects: { 3312: { 0: { 5850: false } } },
 * })
 * device.on('written', ({ path, value }) => console.log(String(path), value))
 * device.start()
 * server.once('registered', async ({ endpoint }) => {
 *   await server.write(endpoint, '/3312/0/5850', true)
 *   await device.stop()
 *   await server.stop()
 * })
 * ```
 */
export class Lwm2mClient extends TypedEmitter<Lwm2mClientEvents> {
  private readonly clock: Scheduler
  private readonly device: VirtualDevice
  private readonly settings: AccountSettings
  private readonly provisioning: Provisioning
  private readonly pause: WakeUp
  private readonly connections: Connections
  private running = false
  private bootstrapping: 'no' | 'yes' | 'waiting' | 'failed' = 'no'
  private told: ClientState = 'stopped'
  /** Aborts a bootstrap in progress. */
  private abort = new AbortController()
  /** Serializes start, stop and bootstrap. */
  private turn: Promise<void> = Promise.resolve()

  /** @throws ClientError `invalid-description`, `invalid-argument`; ValueError */
  constructor(readonly options: Lwm2mClientOptions) {
    super()
    if (options.endpoint === '') throw new ClientError('invalid-argument', 'endpoint is empty')
    this.clock = new Scheduler(options.clock ?? systemClock, (error, where) =>
      this.emit('warning', {
        code: 'internal',
        message: `${where}: ${describeError(error)}`,
        error: error instanceof Error ? error : undefined,
      }),
    )
    this.pause = new WakeUp(this.clock)
    this.device = new VirtualDevice(options, this.clock, this.actions())
    this.settings = new AccountSettings(options, this.device.tree)
    this.connections = new Connections(options, this.device, this.settings, this.clock, {
      onState: () => this.tellState(),
      onGaveUp: (account) => {
        if (this.settings.bootstrapsOnFailure(account)) this.bootstrapAgain(false, false)
      },
      emit: (event, ...args) => this.emit(event, ...args),
      trace: () => this.trace,
    })
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
    return this.connections.state
  }

  /** The current registrations: one per server account. */
  get registrations(): readonly ClientRegistration[] {
    return this.connections.all.flatMap(({ registration }) => registration ?? [])
  }

  /** The paths of each observation made by the servers. */
  get observations(): readonly (readonly Path[])[] {
    return this.connections.all.flatMap((connection) => connection.observed)
  }

  /**
   * Binds and starts to register (or bootstrap), which continues in the background; failures there
   * are `warning` events. @throws BindError, and the errors of the accounts store
   */
  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.running) return
      await this.provisioning.load()
      this.running = true
      this.abort = new AbortController()
      this.device.start()
      try {
        if (serverAccounts(this.device.tree).length > 0) await this.connections.open()
        else this.beginBootstrap()
      } catch (error) {
        await this.halt(false, 0)
        throw error
      }
    })
  }

  /**
   * De-registers (best effort, at most `timeout` ms, default 5000) and closes the socket.
   * Idempotent. With `deregister: false` the device disappears without a De-register.
   */
  stop(options: { timeout?: number; deregister?: boolean } = {}): Promise<void> {
    const { timeout = DEFAULT_STOP, deregister = true } = options
    this.abort.abort()
    this.pause.now()
    return this.inTurn(() => this.halt(deregister, timeout))
  }

  /**
   * Sets a value of a resource instance, of a resource (an array, or an object by id, for a
   * multiple one), or of several resources of an instance. Ends a signal of the resource.
   * @throws ClientError `unknown-path`, `invalid-description`; ValueError; PathError
   */
  set(path: Path | string, value: ResourceInput | InstanceDescription): void {
    this.device.set(Path.from(path), value)
  }

  /** A resource's value; undefined if it has none, a map by instance id for a multiple resource. */
  get(path: Path | string): Value | ReadonlyMap<number, Value> | undefined {
    return this.device.get(Path.from(path))
  }

  /** All values at or below a path, except credentials. */
  records(path: Path | string): Record[] {
    return this.device.records(Path.from(path))
  }

  /**
   * Adds an instance (and its object, if new) and sends an Update to the servers.
   * @throws ClientError `invalid-argument` if it already exists, `invalid-description`; ValueError
   */
  createInstance(path: Path | string, resources: InstanceDescription): void {
    this.device.createInstance(Path.from(path), resources)
  }

  /** Deletes an instance and sends an Update to the servers. @throws ClientError `unknown-path` */
  deleteInstance(path: Path | string): void {
    this.device.deleteInstance(Path.from(path))
  }

  /**
   * LwM2M Send (Core §6.4.6) to every server at which the device is registered: the current values
   * of paths, or records with values (and times).
   * @throws ClientError `not-registered`, `muted`, `unsupported`, `unknown-path`; ServerRejected
   */
  async send(what: readonly (Path | string | Record)[]): Promise<SendResult[]> {
    const connections = this.connections.all.filter(
      ({ registration }) => registration !== undefined,
    )
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
   * Sends a registration Update to every server now; wakes a sleeping device and ends a pause
   * between attempts.
   * @throws ClientError `not-running`, and the error of the request
   */
  async update(): Promise<void> {
    if (!this.running) throw new ClientError('not-running', 'the client is stopped')
    this.pause.now()
    await Promise.all(this.connections.all.map(({ session }) => session.update()))
  }

  /** Puts a queue-mode device to sleep before its awake window ends. */
  sleep(): void {
    for (const { session } of this.connections.all) session.sleep()
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => {})
    return done
  }

  private async halt(deregister: boolean, timeout: number): Promise<void> {
    if (!this.running) return
    await this.connections.close(deregister, timeout)
    await this.provisioning.close()
    this.device.stop()
    this.bootstrapping = 'no'
    this.running = false
    this.tellState()
  }

  /**
   * Bootstraps in the background, then registers at the configured servers. If that fails, a device
   * that had accounts before uses them again, so that its servers can still reach it.
   */
  private beginBootstrap(): void {
    this.setBootstrapping('yes')
    const { signal } = this.abort
    const known = serverAccounts(this.device.tree).length > 0
    const attempts = known ? ATTEMPTS_WITH_ACCOUNTS : Infinity
    const bootstrapped = this.provisioning.bootstrap(signal, this.pause, attempts)
    const registered = bootstrapped
      .then((accounts) =>
        this.emit(
          'bootstrapped',
          accounts.map(({ shortServerId, uri }) => ({ shortServerId, server: uri })),
        ),
      )
      .catch((error: unknown) => {
        if (signal.aborted || !known) throw error
        this.warn(error)
      })
      .then(() =>
        this.inTurn(async () => {
          if (signal.aborted || !this.running) return
          this.bootstrapping = 'no'
          await this.connections.open()
        }),
      )
    detach(registered, (error) => {
      if (signal.aborted) return
      this.warn(error)
      this.setBootstrapping('failed')
    })
  }

  /** Leaves the servers and bootstraps. */
  private bootstrapAgain(deregister: boolean, reset: boolean): void {
    const done = this.inTurn(async () => {
      if (!this.running || this.bootstrapping !== 'no') return
      await this.connections.close(deregister, DEFAULT_STOP)
      if (reset) await this.provisioning.reset()
      if (serverAccounts(this.device.tree).length > 0 && reset) await this.connections.open()
      else this.beginBootstrap()
    })
    detach(done, (error) => this.warn(error))
  }

  private warn(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    this.emit('warning', { code: 'bootstrap-failed', message: error.message, error })
  }

  private actions(): DeviceActions {
    return {
      // A failed Update is a warning of its session.
      update: (id) => detach(this.connections.of(id)?.session.update(), () => {}),
      disable: (id, seconds) => this.connections.of(id)?.session.disable(seconds),
      settingsChanged: (id) => this.connections.of(id)?.settingsChanged(),
      bootstrap: () => {
        this.bootstrapAgain(true, false)
        return true
      },
      restart: (factory) => this.restart(factory),
      fetch: (uri, signal) => this.fetch(uri, signal),
    }
  }

  private restart(factory: boolean): void {
    if (factory && bootstrapAccount(this.device.tree) !== undefined) {
      this.bootstrapAgain(false, true)
      return
    }
    const duration = this.options.rebootTime ?? DEFAULT_REBOOT
    for (const connection of this.connections.all) connection.reboot(duration)
  }

  private fetch(text: string, signal: AbortSignal): Promise<Uint8Array> {
    const { clock, options } = this
    return Promise.resolve().then(() => {
      const uri = parsePackageUri(text)
      const { secure } = uri.server
      const account = serverAccounts(this.device.tree).find(
        ({ mode }) => mode !== SecurityMode.NOSEC,
      )
      const target =
        account === undefined
          ? { secure, psk: undefined, credentials: undefined, clock }
          : transportTarget(account, secure, clock)
      const transport = openTransport(options, target, undefined)
      return fetchPackage(uri, transport, options.coap, clock, signal)
    })
  }

  /** Undefined if there is no listener: tracing then costs nothing. */
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
