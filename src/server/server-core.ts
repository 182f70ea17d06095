import { type EventMap, TypedEmitter } from '../base/events'
import type { Metrics } from '../base/metrics'
import type { Scheduler } from '../base/scheduler'
import type { CoapEndpoint } from '../coap/endpoint'
import type { CoapReply, CoapRequest, CoapTrace } from '../coap/types'
import { PeerGone, type Peer } from '../transport/transport'
import { AwakeWindows, DEFAULT_AWAKE_WINDOW } from './channel/awake-window'
import { Channels, type Conclude } from './channel/channels'
import type { DeviceChannel } from './channel/device-channel'
import { Routes } from './channel/routes'
import { checkOptions } from './check-options'
import { Endpoints, type ServerAddresses } from './endpoints'
import { OperationError } from './errors'
import { handleLegacyRegistration } from './legacy-registration'
import type { CoapsOptions, Lwm2mServerOptions } from './options'
import { AwakeWindowJournal } from './persistence/awake-window-journal'
import { QueueJournal } from './persistence/queue-journal'
import { RegistrationJournal } from './persistence/registration-journal'
import { restoreRegistrations } from './persistence/restore-registrations'
import { SessionJournal } from './persistence/session-journal'
import { AfterResponse } from './registration/after-response'
import { budgetLimits, parsedListBytes, RegistrationBudgets } from './registration/budgets'
import { DeviceRegistration } from './registration/device-registration'
import { ObjectLists } from './registration/object-lists'
import { ProfileLists } from './registration/profile-lists'
import { OPEN_AUTHORITY } from './registration/registration-authority'
import { RegistrationHandler } from './registration/registration-handler'
import { RegistrationLifecycle } from './registration/registration-lifecycle'
import { countRegistrations } from './registration/registration-counters'
import type { RegistrationEvents } from './registration/registration-events'
import { RegistrationPeers } from './registration/registration-peers'
import { CachedRegistrations } from './registration/repository'
import { Router } from './router'
import type { Lwm2mServerEvents, Registration, ServerWarning } from './types'
import { LimitedWarnings } from './limited-warnings'

/** The longest that a handshake which the server begins may take, ms: four transmissions of its first flight. */
const LONGEST_HANDSHAKE = 15_000

/** The timeout of handshakes that the server begins, ms; `undefined` where it begins none. */
function ownHandshakeTimeout(coaps: CoapsOptions | false | undefined): number | undefined {
  if (coaps === undefined || coaps === false || coaps.startHandshakes !== true) return undefined
  return Math.min(coaps.handshakeTimeout ?? LONGEST_HANDSHAKE, LONGEST_HANDSHAKE)
}

/** When devices can be asked, or are gone. */
export interface DeviceEvents {
  /** A device knows that it is registered. */
  registered: [registration: Registration]
  /** A device knows that its Update, which changed its objects, was taken. */
  updated: [registration: Registration]
  awake: [registration: Registration]
  /** It has another address or association. */
  moved: [registration: Registration]
  /** De-registered or expired. */
  gone: [registration: Registration]
}

/** What a listener throws becomes a warning. */
class GuardedEmitter<Events extends EventMap<Events>> extends TypedEmitter<Events> {
  constructor(private readonly scheduler: Scheduler) {
    super()
  }

  protected override onListenerError(error: unknown): void {
    this.scheduler.report(error, 'an event of a device')
  }
}

/** Endpoints, registrations, awake windows and channels, put together: the server without operations. */
export class ServerCore {
  readonly table: CachedRegistrations
  /** Devices that may be asked, or are gone: for whoever asks them of its own accord. */
  readonly devices: TypedEmitter<DeviceEvents>
  readonly router = new Router()
  readonly endpoints: Endpoints
  readonly lifecycle: RegistrationLifecycle
  private readonly peers: RegistrationPeers
  readonly channels: Channels
  readonly budgets: RegistrationBudgets
  readonly windows: AwakeWindows
  private readonly afterResponse: AfterResponse
  private readonly profiles: ProfileLists
  private readonly lists: ObjectLists
  private readonly warnings: LimitedWarnings
  private readonly registrations: RegistrationJournal | undefined
  private readonly awakeWindows: AwakeWindowJournal | undefined

  constructor(
    private readonly options: Lwm2mServerOptions,
    private readonly clock: Scheduler,
    /** Where the events of the server are emitted. */
    private readonly events: TypedEmitter<Lwm2mServerEvents>,
    metrics: Metrics,
  ) {
    const { store, lifetime = {}, queue = {}, credentials } = options
    checkOptions(options)
    this.devices = new GuardedEmitter(clock)
    this.warnings = new LimitedWarnings(clock, (warning) => events.emit('warning', warning))
    const warn = (warning: ServerWarning): void => this.warn(warning)
    const onStoreError = (error: unknown): void =>
      warn({ code: 'store-failed', message: `state could not be kept: ${String(error)}` })
    this.registrations = store && new RegistrationJournal(store, onStoreError)
    this.table = new CachedRegistrations(this.registrations)
    this.awakeWindows = store && new AwakeWindowJournal(store)
    this.endpoints = new Endpoints({
      coap: options.coap === false ? undefined : (options.coap ?? {}),
      coaps: options.coaps === false ? undefined : options.coaps,
      ports: { coap: 5683, coaps: 5684 },
      transmission: options.transmission,
      clock: clock.clock,
      credentials,
      uses:
        options.bootstrap !== undefined && options.bootstrap !== false && options.bootstrap.shared
          ? ['server', 'bootstrap']
          : ['server'],
      sessions: store && new SessionJournal(store, 'server'),
      warn,
    })
    this.windows = new AwakeWindows(
      clock,
      options.awakeWindow ?? DEFAULT_AWAKE_WINDOW,
      queue.patterns ?? [],
      (registration, awake) => {
        events.emit(awake ? 'awake' : 'asleep', registration)
        if (awake) this.devices.emit('awake', registration)
        registration.queue?.pump()
      },
    )
    for (const [pattern, ms] of Object.entries(options.awakeWindows ?? {})) {
      this.windows.set(pattern, ms, [])
    }
    this.afterResponse = new AfterResponse(
      {
        onRegistered: (registration) => this.devices.emit('registered', registration),
        onObjectsChanged: (registration) => this.devices.emit('updated', registration),
        onMoved: (registration) => this.devices.emit('moved', registration),
      },
      clock,
    )
    const authority = options.authority ?? credentials?.authority('server') ?? OPEN_AUTHORITY
    const learnAddress = options.learnAddress ?? true
    const limits = budgetLimits({ registrations: options.maxRegistrations, ...options.budgets })
    this.lists = new ObjectLists({ texts: limits.objectLists, parsed: parsedListBytes() })
    this.budgets = new RegistrationBudgets(limits, this.lists, clock)
    const registrationEvents = this.registrationEvents()
    countRegistrations(metrics, registrationEvents)
    this.peers = new RegistrationPeers(
      clock,
      this.table,
      this.endpoints,
      authority,
      learnAddress,
      registrationEvents,
      warn,
    )
    this.lifecycle = new RegistrationLifecycle(
      clock,
      this.table,
      this.peers,
      this.windows,
      this.budgets,
      { grace: lifetime.grace ?? 0, renewOnReports: lifetime.renewOnReports ?? false },
      registrationEvents,
      warn,
    )
    this.profiles = new ProfileLists(this.lists, options.profiles, this.registrations)
    const routes = new Routes(
      this.endpoints,
      this.windows,
      authority,
      ownHandshakeTimeout(options.coaps),
      (registration, peer) => this.peers.reconnected(registration, peer),
    )
    this.channels = new Channels(
      clock,
      this.table,
      this.windows,
      routes,
      store && new QueueJournal(store, onStoreError),
      options.transmission?.nstart ?? 1,
      queue,
      events,
    )
    const handler = new RegistrationHandler({
      repository: this.table,
      peers: this.peers,
      lifecycle: this.lifecycle,
      lists: this.lists,
      profiles: this.profiles,
      authority,
      lifetime,
      learnAddress,
      defaultVersion: options.defaultVersion,
      takeOver: options.takeOver ?? 'warn',
      budgets: this.budgets,
      now: () => clock.now(),
      warn,
    })
    this.router.set('rd', (request, named) => handler.handle(request, named))
    this.router.set('t', (request) => handleLegacyRegistration(request, warn))
    for (const endpoint of this.endpoints.all) this.attach(endpoint)
  }

  /** What follows from the events of registrations, in this order. */
  private registrationEvents(): TypedEmitter<RegistrationEvents> {
    const { clock, events, afterResponse } = this
    const emitter = new GuardedEmitter<RegistrationEvents>(clock)
    emitter.on('registered', (registration, previous) => {
      afterResponse.registered(registration)
      this.channels.replaced(registration, previous)
      if (events.hasListeners('registered')) events.emit('registered', registration, previous)
    })
    emitter.on('updated', (registration, change) => {
      if (change.objects) afterResponse.objectsChanged(registration)
      if (events.hasListeners('updated')) events.emit('updated', registration, change)
    })
    emitter.on('moved', (registration) => afterResponse.moved(registration))
    emitter.on('disconnected', (registration) => events.emit('disconnected', registration))
    emitter.on('connected', (registration) => events.emit('connected', registration))
    emitter.on('removed', (registration, why) => {
      this.channels.removed(registration, why)
      this.devices.emit('gone', registration)
      events.emit(why, registration)
    })
    return emitter
  }

  /**
   * Restores what the store (open already) holds.
   * @param conclude what the responses to restored requests say
   * @returns the registrations that expired meanwhile
   * @throws StoreError
   */
  async restore(conclude: Conclude): Promise<DeviceRegistration[]> {
    const { registrations, awakeWindows, lists, lifecycle, clock } = this
    if (registrations === undefined || awakeWindows === undefined) return []
    for await (const [pattern, ms] of awakeWindows.list()) this.windows.set(pattern, ms, [])
    await this.restoreProfiles(registrations)
    const expired = await restoreRegistrations({
      clock,
      journal: registrations,
      lists,
      lifecycle,
      budgets: this.budgets,
      grace: this.options.lifetime?.grace ?? 0,
      warn: (warning) => this.warn(warning),
    })
    await this.channels.restore(conclude)
    return expired
  }

  private async restoreProfiles(journal: RegistrationJournal): Promise<void> {
    let left = 0
    for await (const [key, text] of journal.profiles()) {
      try {
        if (!this.profiles.restore(key, text)) left++
      } catch {
        left++
      }
    }
    if (left > 0) {
      this.warn({ code: 'not-restored', message: `${left} profiles could not be restored` })
    }
  }

  /** @throws BindError */
  start(): Promise<ServerAddresses> {
    return this.endpoints.start()
  }

  /** Ends what is pending, frees the ports and forgets the registrations (the store has them). */
  async stop(): Promise<void> {
    this.channels.stop()
    this.lifecycle.stop()
    this.clock.clear()
    await this.endpoints.stop()
    this.table.clear()
    this.windows.clear()
  }

  /** A device notified or sent values of its own accord. */
  reported(registration: Registration): void {
    if (registration instanceof DeviceRegistration) this.lifecycle.reported(registration)
  }

  /** The channel of a registration. */
  channel(registration: Registration): DeviceChannel {
    if (!(registration instanceof DeviceRegistration)) {
      throw new OperationError(
        'unknown-endpoint',
        `${registration.endpoint} is not registered here`,
      )
    }
    return this.channels.of(registration)
  }

  /**
   * The endpoint that continues relations of a registration's peer, which is known to it from now on.
   * @throws PeerGone where that is not served any more
   */
  coapFor(registration: Registration): CoapEndpoint {
    const coap = this.endpoints.of(registration.peer)
    if (coap === undefined) throw new PeerGone(registration.peer)
    coap.pin(registration.peer, true)
    return coap
  }

  /** Sets (and keeps) or unsets an awake window, ms. @throws StoreError */
  async setAwakeWindow(pattern: string, ms: number | undefined): Promise<void> {
    if (pattern === '' || (ms !== undefined && !(ms >= 0))) {
      throw new OperationError('invalid-argument', 'an awake window is a number of milliseconds')
    }
    await this.awakeWindows?.set(pattern, ms)
    this.windows.set(pattern, ms, this.table)
  }

  /** Turns the trace of all endpoints on or off. */
  trace(listener: ((trace: CoapTrace, endpoint: string | undefined) => void) | undefined): void {
    const onTrace =
      listener && ((trace: CoapTrace) => listener(trace, this.table.byPeer(trace.peer)?.endpoint))
    for (const endpoint of this.endpoints.all) endpoint.onTrace = onTrace
  }

  warn(warning: ServerWarning): void {
    if (!this.events.hasListeners('warning')) return
    const endpoint = warning.endpoint ?? this.endpointAt(warning.peer)
    this.warnings.warn(endpoint === undefined ? warning : { ...warning, endpoint })
  }

  private endpointAt(peer: Peer | undefined): string | undefined {
    return peer && this.table.byPeer(peer)?.endpoint
  }

  private attach(endpoint: CoapEndpoint): void {
    endpoint.onRequest = this.serve
    endpoint.onUnknownToken = (peer, holders) => this.peers.claim(peer, holders)
    endpoint.onActivity = (peer) => this.peers.activity(peer)
    endpoint.onPeerGone = (peer) => this.peers.peerGone(peer)
  }

  /** Hands a request on; nothing is asked of its device before it has been answered. */
  private readonly serve = (request: CoapRequest): CoapReply | Promise<CoapReply> => {
    const registration = this.speakerOf(request)
    if (registration === undefined) return this.router.handle(request)
    const { afterResponse } = this
    afterResponse.begin(registration)
    let reply: CoapReply | Promise<CoapReply> | undefined
    try {
      reply = this.router.handle(request, registration)
    } finally {
      if (!(reply instanceof Promise)) afterResponse.end(registration, true)
    }
    return reply instanceof Promise
      ? reply.finally(() => afterResponse.end(registration, false))
      : reply
  }

  /** Whose request this is: a Register and an Update say it themselves, the others by their peer. */
  private speakerOf({ path: [service, id], peer }: CoapRequest): DeviceRegistration | undefined {
    if (service !== 'rd') return this.peers.speaker(peer)
    return this.peers.named(id, peer)
  }
}
