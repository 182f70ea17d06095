import { systemClock } from '../base/clock'
import { describeError, lastResort } from '../base/guard'
import { Metrics } from '../base/metrics'
import { Scheduler } from '../base/scheduler'
import type { ObjectModel } from '../lwm2m/model/definition'
import { builtinModel } from '../lwm2m/model/object-model'
import { ObjectId } from '../lwm2m/objects/object-id'
import { BootstrapService } from './bootstrap-service'
import type { BootstrapServer } from './bootstrap/bootstrap-server'
import type { QueuedRequest } from './channel/pending-request'
import type { CredentialStore } from './credentials/credential-store'
import { DeviceAccess } from './device-access'
import { DeviceManagement } from './device-management'
import type { ServerAddresses } from './endpoints'
import { OperationError } from './errors'
import { DeviceDirectory } from './objects/device-directory'
import { speakerFor } from './objects/end-device'
import { isGateway } from './objects/gateway'
import { GatewayInventory } from './objects/gateway-inventory'
import { ObservationBroker } from './observations/observation-broker'
import { ObservationStream, type ObservationStreamOptions } from './observations/observation-stream'
import type { OperationInputs, OperationName } from './operations'
import { OperationCounters } from './operations/operation-counters'
import { Operations } from './operations/operations'
import type { Lwm2mServerOptions } from './options'
import { deviceFormats } from './operations/content-format'
import { OperationContexts } from './operations/operation-contexts'
import { ObservationJournal } from './persistence/observation-journal'
import type { DeviceRegistration } from './registration/device-registration'
import type { RegistrationRegistry } from './registration/registration-registry'
import { SendHandler } from './send'
import { ServerCore } from './server-core'
import { type ServerStatistics, statisticsOf } from './statistics'
import type {
  Lwm2mServerEvents,
  ObserveListener,
  ObserveRequest,
  OperationOptions,
  OperationResult,
  Registration,
  ServerWarning,
  Subscription,
} from './types'
import { ValueCounters } from './values/value-counters'
import { ValueStream } from './values/value-stream'

/**
 * An LwM2M server (OMA Core 1.0, 1.1, 1.2): the composition root of everything below `src/server/`.
 * Operations reject as {@link Operations} says, and with OperationError `not-running` before
 * {@link start} and after {@link stop}.
 *
 * @example
 * ```js
 * import { Lwm2mServer } from '@lwm2m-flows/node-red-lwm2m'
 * import { Lwm2mClient } from '@lwm2m-flows/node-red-lwm2m/client'
 *
 * const server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 } })
 * const { coap } = await server.start()
 * const device = new Lwm2mClient({
 *   endpoint: 'room-1',
 *   server: `coap://127.0.0.1:${coap.port}`,
 *   objects: { 3303: { 0: { 5700: 21.5, 5701: 'Cel' } } },
 * })
 * const registered = new Promise((resolve) => server.once('registered', resolve))
 * await device.start()
 * await registered
 *
 * const { records } = await server.read('room-1', '/3303/0')
 * for (const { path, value } of records) console.log(String(path), value)
 *
 * setTimeout(() => device.set('/3303/0/5700', 22), 100)
 * for await (const { result } of server.values({ target: 'room-1', paths: ['/3303/0/5700'] })) {
 *   console.log(result.records[0].value)
 *   if (result.records[0].value === 22) break
 * }
 * await device.stop()
 * await server.stop()
 * ```
 */
export class Lwm2mServer extends DeviceManagement {
  /** The object model in use; may be replaced at run time. */
  model: ObjectModel
  /** Counters, kept as things happen. */
  readonly metrics = new Metrics()
  private readonly core: ServerCore
  private readonly operations: Operations
  private readonly broker: ObservationBroker
  private readonly stream = new ValueStream()
  private readonly inventory: GatewayInventory
  private readonly directory: DeviceDirectory
  private readonly bootstrapService: BootstrapService | undefined
  private restoring: Promise<DeviceRegistration[]> | undefined
  private starting: Promise<ServerAddresses> | undefined
  private stopping: Promise<void> | undefined
  private isRunning = false

  constructor(private readonly options: Lwm2mServerOptions = {}) {
    super()
    const { store, bootstrap, credentials } = options
    const clock = new Scheduler(options.clock ?? systemClock, (error, where) =>
      this.core.warn({ code: 'internal', message: `${where}: ${describeError(error)}` }),
    )
    const model = (): ObjectModel => this.model
    this.model = options.model ?? builtinModel()
    const core = new ServerCore(options, clock, this, this.metrics)
    this.core = core
    const warn = (warning: ServerWarning): void => core.warn(warning)
    const inventory = new GatewayInventory(clock, (gateway) => this.readGateway(gateway), warn)
    this.inventory = inventory
    this.directory = new DeviceDirectory(core.table, inventory)
    const devices = new DeviceAccess(core, inventory)
    const contexts = new OperationContexts(model, clock, deviceFormats(options), warn)
    this.operations = new Operations(
      devices,
      contexts,
      this.stream,
      new OperationCounters(this.metrics),
    )
    const counters = new ValueCounters(this.metrics)
    const broker = new ObservationBroker(
      clock,
      devices,
      contexts,
      this.stream,
      counters,
      store && new ObservationJournal(store),
      warn,
    )
    this.broker = broker
    core.devices.on('registered', (registration) => {
      broker.onRegistered(registration)
      inventory.onRegistered(registration)
    })
    core.devices.on('updated', (registration) => {
      broker.onUpdated(registration)
      inventory.onUpdated(registration)
    })
    core.devices.on('awake', (registration) => {
      broker.onAwake(registration)
      for (const device of inventory.behind(registration)) broker.onAwake(device)
    })
    core.devices.on('moved', (registration) => {
      broker.onMoved(registration)
      for (const device of inventory.behind(registration)) broker.onMoved(device)
    })
    core.devices.on('gone', (registration) => {
      broker.onGone(registration.endpoint)
      inventory.onGone(registration)
    })
    const send = new SendHandler(contexts, this.stream, counters, warn)
    core.router.set('dp', send.handle)
    if (options.lifetime?.renewOnReports === true) {
      this.stream.add(({ cause, registration }) => {
        if (cause === 'send' || cause === 'notify') core.reported(speakerFor(registration))
      })
    }
    this.stream.add(counters.onValues)
    this.stream.add((report) => this.inventory.onValues(report))
    this.followEndDevices()
    this.stream.add((report) => {
      if (report.cause === 'send') {
        this.emit('send', report, report.registration)
        this.broker.onSend(report)
      }
      if (this.hasListeners('values')) this.emit('values', report)
    })
    credentials?.on('warning', (warning) => core.warn(warning))
    if (bootstrap !== undefined && bootstrap !== false) {
      const service = new BootstrapService(bootstrap, options, {
        clock,
        model,
        warn: (warning) => core.warn(warning),
      })
      for (const endpoint of core.endpoints.all) service.share(endpoint)
      this.bootstrapService = service
    }
  }

  /**
   * Opens the store, restores what it holds, binds. After an error it may be called again (a port may
   * have become free); after {@link stop} it may not.
   * @throws BindError, StoreError; OperationError `not-running` after `stop`
   */
  start(): Promise<ServerAddresses> {
    if (this.stopping !== undefined) {
      return Promise.reject(
        new OperationError('not-running', 'a stopped server is not started again: make a new one'),
      )
    }
    this.starting ??= this.open().catch((error: unknown) => {
      this.starting = undefined
      throw error
    })
    return this.starting
  }

  /**
   * Ends what is pending (`cancelled`), frees the ports, closes the store. What is kept stays kept;
   * devices are told nothing. Idempotent.
   */
  stop(): Promise<void> {
    this.stopping ??= this.close()
    return this.stopping
  }

  get running(): boolean {
    return this.isRunning
  }

  /** Where it is bound; undefined for what is not served (now). */
  get addresses(): ServerAddresses {
    return this.core.endpoints.addresses
  }

  /** The same of the bootstrap ports of its own. */
  get bootstrapAddresses(): ServerAddresses {
    return this.bootstrapService?.endpoints.addresses ?? { coap: undefined, coaps: undefined }
  }

  /** The registered devices, and those behind gateways (object 25) as `gateway/device id`. */
  get registrations(): RegistrationRegistry {
    return this.directory
  }

  /** Where there is one; its events and configurations are its own. */
  get bootstrap(): BootstrapServer | undefined {
    return this.bootstrapService?.server
  }

  /** The credentials that it was made with. */
  get credentials(): CredentialStore | undefined {
    return this.options.credentials
  }

  get statistics(): ServerStatistics {
    return statisticsOf(this.core, this.bootstrapService)
  }

  override perform<N extends OperationName>(
    name: N,
    endpoint: string,
    input: OperationInputs[N],
    options?: OperationOptions,
  ): Promise<OperationResult> {
    if (!this.isRunning) {
      return Promise.reject(new OperationError('not-running', 'the server is not running'))
    }
    return this.operations.perform(name, endpoint, input, options)
  }

  /**
   * Observes paths of one device or of all that match a pattern, those that register later too. May
   * be called before {@link start}.
   * @throws OperationError `invalid-argument`, PathError, AttributeError
   */
  observe(request: ObserveRequest, listener: ObserveListener): Subscription {
    return this.broker.observe(request, listener)
  }

  /**
   * The same as an async iterable: `for await (const { result } of server.values(request)) …`.
   * Leaving the loop, or `signal`, closes the subscription.
   * @throws what {@link observe} throws; RangeError for an invalid option
   */
  values(request: ObserveRequest, options?: ObservationStreamOptions): ObservationStream {
    return new ObservationStream((listener) => this.observe(request, listener), options)
  }

  /** Requests that wait for a device, oldest first. */
  queued(endpoint: string): readonly QueuedRequest[] {
    return this.core.channels.queued(endpoint)
  }

  /** Cancels waiting requests: one by its id, or all of a device. Answers how many. */
  cancelQueued(endpoint: string, id?: string): number {
    return this.core.channels.cancel(endpoint, id)
  }

  /**
   * Sets, or with `undefined` unsets, the awake window of an endpoint or pattern, ms. Kept over
   * restarts. Before {@link start}, use the options.
   * @throws OperationError `invalid-argument`, StoreError
   */
  setAwakeWindow(pattern: string, ms: number | undefined): Promise<void> {
    return this.core.setAwakeWindow(pattern, ms)
  }

  override on<K extends keyof Lwm2mServerEvents>(
    event: K,
    listener: (...args: Lwm2mServerEvents[K]) => void,
  ): () => void {
    const remove = super.on(event, listener)
    if (event === 'trace') this.core.trace((...args) => this.emit('trace', ...args))
    return remove
  }

  override off<K extends keyof Lwm2mServerEvents>(
    event: K,
    listener: (...args: Lwm2mServerEvents[K]) => void,
  ): void {
    super.off(event, listener)
    // Nobody watches: messages are not taken apart for it any more.
    if (event === 'trace' && !this.hasListeners('trace')) this.core.trace(undefined)
  }

  /** A listener that throws is its application's matter: the server goes on and says so. */
  protected override onListenerError(error: unknown): void {
    const message = `a listener failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    if (this.hasListeners('warning') && !this.reporting) {
      this.reporting = true
      this.emit('warning', { code: 'listener-failed', message })
      this.reporting = false
    } else {
      lastResort(error)
    }
  }

  private reporting = false

  private async open(): Promise<ServerAddresses> {
    const { core, bootstrapService } = this
    // What was restored stays when a port cannot be bound: the next attempt only binds.
    this.restoring ??= this.restore().catch((error: unknown) => {
      this.restoring = undefined
      throw error
    })
    const expired = await this.restoring
    const addresses = await core.start()
    try {
      await bootstrapService?.start()
    } catch (error) {
      await core.endpoints.stop()
      throw error
    }
    this.isRunning = true
    this.broker.onStarted()
    for (const registration of core.table) {
      if (isGateway(registration)) this.inventory.onRegistered(registration)
    }
    for (const registration of expired.splice(0)) {
      this.emit('expired', registration)
      core.budgets.remove(registration)
    }
    return addresses
  }

  private readGateway({ endpoint }: Registration): Promise<OperationResult> {
    return this.operations.perform('read', endpoint, { path: `/${ObjectId.GATEWAY}` })
  }

  /** End devices come and go as registered ones do. */
  private followEndDevices(): void {
    this.inventory.on('registered', (device, again) => {
      this.emit('registered', device, again ? device : undefined)
      this.broker.onRegistered(device)
    })
    this.inventory.on('updated', (device, change) => {
      this.emit('updated', device, change)
      this.broker.onUpdated(device)
    })
    this.inventory.on('deregistered', (device) => {
      this.broker.onGone(device.endpoint)
      this.emit('deregistered', device)
    })
  }

  private async restore(): Promise<DeviceRegistration[]> {
    const { store, credentials } = this.options
    if (store === undefined) return []
    await store.open()
    try {
      await credentials?.open(store)
      await this.bootstrapService?.open()
      const expired = await this.core.restore((...args) => this.operations.conclude(...args))
      await this.broker.restore()
      return expired
    } catch (error) {
      await store.close()
      throw error
    }
  }

  private async close(): Promise<void> {
    const { store, credentials } = this.options
    await this.starting?.catch(() => {})
    this.isRunning = false
    const restored = this.restoring
    await restored?.catch(() => {})
    this.broker.stop()
    // In the same turn: a notification that came in between would be refused, and its observation end.
    await Promise.all([this.core.stop(), this.bootstrapService?.stop()])
    await credentials?.close()
    if (restored !== undefined) await store?.close()
  }
}
