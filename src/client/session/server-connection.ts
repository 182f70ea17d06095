import type { CoapReply, CoapTrace } from '../../coap/types'
import { Code } from '../../coap/codes'
import { encode } from '../../lwm2m/formats/index'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { ServerAccount } from '../accounts'
import { AccessControl } from '../operations/access-control'
import { codecContext, type DeviceContext } from '../operations/device-context'
import { DeviceInterface, type DeviceListener } from '../operations/device-interface'
import { contentReply, visibleRecords } from '../operations/read'
import { AttributeStore } from '../reporting/attribute-store'
import { Observations, type ObservationSource } from '../reporting/observations'
import type { ClientRegistration, ClientState, Lwm2mVersion } from '../types'
import { reportRules } from './report-rules'
import { ServerSession } from './server-session'
import type { SessionOptions } from './session-contract'

/** Called by a connection; implemented by the client. */
export interface ConnectionListener extends DeviceListener {
  onState(state: ClientState): void
  onRegistered(registration: ClientRegistration): void
  onUpdated(registration: ClientRegistration): void
  onDeregistered(registration: ClientRegistration): void
  onFailing(): void
  onGaveUp(error: Error): void
  onNotified(paths: readonly Path[], records: readonly Record[]): void
  onObservationEnded(paths: readonly Path[], reason: string): void
  onWarning(code: string, message: string, error?: Error): void
  onTrace: ((trace: CoapTrace) => void) | undefined
}

/** The connection to one server: a session, with the attributes and observations of that server. */
export class ServerConnection {
  readonly session: ServerSession
  private readonly access: AccessControl
  private readonly attributes = new AttributeStore()
  private readonly observations: Observations
  private readonly interface: DeviceInterface
  private readonly context: DeviceContext
  private readonly unlisten: () => void

  /** @param holdNotifications keep notifications while asleep instead of waking up for them */
  constructor(
    readonly account: ServerAccount,
    session: SessionOptions,
    context: Omit<DeviceContext, 'version' | 'formats' | 'warn'> & {
      readonly formats: (version: Lwm2mVersion) => readonly number[]
    },
    private readonly holdNotifications: boolean,
    private readonly listener: ConnectionListener,
  ) {
    const version = (): Lwm2mVersion => this.registration?.version ?? session.version
    this.context = {
      ...context,
      get formats() {
        return context.formats(version())
      },
      warn: (code, message) => listener.onWarning(code, message),
      // The registered version may be lower than the requested one.
      get version() {
        return version()
      },
    }
    this.access = new AccessControl(context.tree, account.shortServerId)
    this.observations = new Observations(this.source())
    this.interface = new DeviceInterface(
      this.context,
      this.access,
      this.attributes,
      this.observations,
      listener,
    )
    this.session = new ServerSession(session, {
      onState: (state) => this.onState(state),
      onRegistered: (registration) => listener.onRegistered(registration),
      onUpdated: (registration) => listener.onUpdated(registration),
      onDeregistered: (registration) => listener.onDeregistered(registration),
      onFailing: () => listener.onFailing(),
      onGaveUp: (error) => listener.onGaveUp(error),
      onAwake: (awake) => this.onAwake(awake),
      onRequest: (request) => this.interface.handle(request),
      onWarning: (code, message, error) => listener.onWarning(code, message, error),
      onTrace: listener.onTrace,
    })
    this.unlisten = context.tree.listen({
      onValues: (paths) => this.onValues(paths),
      onInstances: () => this.factsChanged(),
    })
  }

  get registration(): ClientRegistration | undefined {
    return this.session.registration
  }

  get state(): ClientState {
    return this.session.currentState
  }

  /** The paths of each observation. */
  get observed(): readonly (readonly Path[])[] {
    return this.observations.list()
  }

  /** @param duration duration of the reboot in milliseconds */
  reboot(duration: number): void {
    this.attributes.clear()
    this.session.reboot(duration)
  }

  async stop(deregister: boolean, timeout: number): Promise<void> {
    this.unlisten()
    this.observations.clear()
    await this.session.stop(deregister, timeout)
  }

  /** The Server object was written: lifetime, binding, default periods. */
  settingsChanged(): void {
    this.observations.rulesChanged()
    this.factsChanged()
  }

  /** Deferred until the operation that changed them has ended. */
  private factsChanged(): void {
    this.context.clock.microtask(() => this.session.factsChanged())
  }

  private onValues(paths: readonly Path[]): void {
    // The attributes of a deleted instance are deleted with it.
    for (const path of paths) {
      if (path.level === Level.INSTANCE && this.context.tree.place(path)?.instance === undefined) {
        this.attributes.forget(path)
      }
    }
    this.observations.valuesChanged(paths)
  }

  private onState(state: ClientState): void {
    // A new registration starts without observations; the server makes them again (Core §6.4.3).
    if (state !== 'registered' && state !== 'sleeping') this.observations.clear()
    this.listener.onState(state)
  }

  private onAwake(awake: boolean): void {
    if (!this.holdNotifications) return
    if (awake) this.observations.release()
    else this.observations.hold()
  }

  private source(): ObservationSource {
    return {
      clock: this.context.clock,
      sample: (path) => this.sample(path),
      encode: (observation, samples) => {
        const [path = Path.ROOT] = observation.paths
        return observation.composite
          ? this.compositeNotification(observation.format, samples.flat())
          : contentReply(this.context, path, samples.flat(), observation.format)
      },
      rules: (observation) =>
        reportRules(this.context.tree, this.account, this.attributes, observation),
      beforeSend: () => this.session.wake(),
      onNotified: (paths, records) => this.listener.onNotified(paths, records),
      onEnded: (paths, reason) => this.listener.onObservationEnded(paths, reason),
    }
  }

  /** Undefined if the path does not exist. */
  private sample(path: Path): readonly Record[] | undefined {
    const place = this.context.tree.place(path)
    const gone =
      place === undefined ||
      (path.level >= Level.INSTANCE && place.instance === undefined) ||
      (path.level >= Level.RESOURCE && place.resource === undefined)
    if (gone && path.level > Level.ROOT) return undefined
    return visibleRecords(this.context, this.access, path)
  }

  private compositeNotification(format: number | undefined, records: readonly Record[]): CoapReply {
    const seen = new Set<string>()
    const each = records.filter(({ path, time }) => {
      const key = `${path.toString()} ${time ?? ''}`
      return !seen.has(key) && seen.add(key)
    })
    const payload = encode(format ?? 0, each, codecContext(this.context, Path.ROOT))
    return { code: Code.CONTENT, contentFormat: format, payload }
  }
}
