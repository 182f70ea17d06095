import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../base/clock'
import { describeError } from '../../base/guard'
import { Scheduler } from '../../base/scheduler'
import { TypedEmitter } from '../../base/events'
import { Code } from '../../coap/codes'
import type { CoapEndpoint } from '../../coap/endpoint'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import type { ObjectModel, ResourceDefinition } from '../../lwm2m/model/definition'
import type { Path } from '../../lwm2m/path'
import type { CredentialStore } from '../credentials/credential-store'
import { OPEN_AUTHORITY, type RegistrationAuthority } from '../registration/registration-authority'
import { BootstrapConfigurationError } from './configuration'
import type { BootstrapConfigurations } from './configurations'
import { type BootstrapDecision, Decisions } from './decisions'
import type { BootstrapEvents, BootstrapRequest, BootstrapResult } from './events'
import { generatePsks } from './generated-psk'
import { KnownDevices, stateAfter } from './known-devices'
import { makePack, requirePlaces } from './pack'
import { provisionedServers } from './provisioned-servers'
import { overload, packDisabled, refusalOf, RequestRefused } from './refusals'
import { readBootstrapRequest } from './request'
import type { ResolvedConfiguration } from './resolved-configuration'
import { resolveConfiguration } from './resolve-configuration'
import { BootstrapSession } from './session'

/** Whether an application decides what a device gets, instead of the configurations. */
export type DecisionMode = 'never' | 'unknown' | 'always'

export interface BootstrapServerOptions {
  readonly configurations: BootstrapConfigurations
  readonly model: () => ObjectModel
  /** For `createCredential`, and for who may be which endpoint. */
  readonly credentials?: CredentialStore
  /** Default: that of the credentials, else everybody may be everyone. */
  readonly authority?: RegistrationAuthority
  /**
   * Which requests wait for {@link BootstrapServer.decide}: none (default), those of endpoints without
   * a configuration, or all.
   */
  readonly decisions?: DecisionMode
  /** How long a request waits for its decision, ms; default 30,000. */
  readonly decisionTimeout?: number
  /** Requests that may wait for decisions at the same time; default 1000. */
  readonly maxPending?: number
  /** Sessions at the same time; more are answered 5.03. Default 10,000. */
  readonly maxSessions?: number
  /** How long each request to a device may take, ms; default: as its CoAP endpoint has it. */
  readonly responseTimeout?: number
  /** Whether Bootstrap-Packs are handed out; default true. */
  readonly pack?: boolean
  readonly clock?: Clock
}

/** Seconds after which a device that was turned away because of overload may come again. */
const RETRY_AFTER = 30

/**
 * The bootstrap server (Core §6.1): answers `POST /bs` and `GET /bspack` on any number of CoAP
 * endpoints, and then provisions the device in a session of its own.
 */
export class BootstrapServer extends TypedEmitter<BootstrapEvents> {
  readonly configurations: BootstrapConfigurations
  private readonly clock: Scheduler
  private readonly authority: RegistrationAuthority
  private readonly decisions: Decisions
  /** By endpoint name, and by peer: a device has one session. */
  private readonly sessions = new Map<string, BootstrapSession>()
  private readonly byPeer = new Map<string, BootstrapSession>()
  private readonly known = new KnownDevices()
  private readonly ends = new Set<Promise<void>>()
  private stopped = false

  constructor(private readonly options: BootstrapServerOptions) {
    super()
    this.configurations = options.configurations
    this.clock = new Scheduler(options.clock ?? systemClock, (error, where) =>
      this.emit('warning', { code: 'internal', message: `${where}: ${describeError(error)}` }),
    )
    this.authority =
      options.authority ?? options.credentials?.authority('bootstrap') ?? OPEN_AUTHORITY
    this.decisions = new Decisions(
      this.clock,
      options.decisionTimeout ?? 30_000,
      options.maxPending ?? 1000,
    )
  }

  /** Sessions that run now. */
  get sessionCount(): number {
    return this.sessions.size
  }

  /** Requests that wait for a decision, oldest first. */
  get pending(): readonly BootstrapRequest[] {
    return this.decisions.pending
  }

  /** Makes this the handler of a CoAP endpoint that serves nothing else. */
  attach(coap: CoapEndpoint): void {
    coap.onRequest = (request) =>
      this.serves(request.path) ? this.handle(coap, request) : { code: Code.NOT_FOUND }
  }

  /** Whether a Uri-Path is the bootstrap interface's. */
  serves(path: readonly string[]): boolean {
    return path.length === 1 && (path[0] === 'bs' || path[0] === 'bspack')
  }

  /** Answers a request that came by `coap`; the session goes out by the same. */
  handle(coap: CoapEndpoint, request: CoapRequest): CoapReply | Promise<CoapReply> {
    const id = randomUUID()
    let parsed: BootstrapRequest
    try {
      if (this.stopped) throw overload('the server is stopping')
      parsed = readBootstrapRequest(request, id, this.clock.now(), this.authority)
      if (parsed.pack && this.options.pack === false) throw packDisabled()
      this.checkRoom(parsed)
    } catch (error) {
      return this.refuse(request, undefined, error)
    }
    const answer = (decision: BootstrapDecision): CoapReply | Promise<CoapReply> =>
      this.accept(coap, request, parsed, decision)

    const mode = this.options.decisions ?? 'never'
    const waits =
      this.hasListeners('request') &&
      (mode === 'always' ||
        (mode === 'unknown' && this.configurations.find(parsed.endpoint) === undefined))
    if (!waits) {
      this.emit('request', parsed)
      return answer('stored')
    }
    return this.await(request, { ...parsed, pending: true }, answer)
  }

  /**
   * Decides a pending request.
   * @returns false when it does not wait any more
   * @throws BootstrapConfigurationError the configuration is wrong; the request goes on waiting
   */
  decide(requestId: string, decision: BootstrapDecision): boolean {
    const request = this.decisions.get(requestId)
    if (request === undefined) return false
    if (typeof decision === 'object') this.resolve(decision, request.endpoint)
    return this.decisions.decide(requestId, decision)
  }

  /** Ends all sessions (`stopped`) and pending requests. Idempotent. */
  async stop(): Promise<void> {
    this.stopped = true
    this.decisions.rejectAll(overload('the server is stopping'))
    for (const session of this.sessions.values()) session.cancel('stopped')
    await Promise.all(this.ends)
  }

  private async await(
    request: CoapRequest,
    waiting: BootstrapRequest,
    answer: (decision: BootstrapDecision) => CoapReply | Promise<CoapReply>,
  ): Promise<CoapReply> {
    try {
      const decision = this.decisions.wait(waiting)
      this.emit('request', waiting)
      return await answer(await decision)
    } catch (error) {
      return this.refuse(request, waiting.endpoint, error)
    }
  }

  private accept(
    coap: CoapEndpoint,
    request: CoapRequest,
    parsed: BootstrapRequest,
    decision: BootstrapDecision,
  ): CoapReply | Promise<CoapReply> {
    try {
      const configuration = this.configurationFor(parsed, decision)
      this.warnOfPlainSecrets(parsed, configuration)
      if (parsed.pack) {
        return this.sendPack(parsed, configuration).catch((error: unknown) =>
          this.refuse(request, parsed.endpoint, error),
        )
      }
      this.checkRoom(parsed)
      this.replace(parsed)
      return {
        code: Code.CHANGED,
        onSent: () => this.startSession(coap, parsed, configuration),
      }
    } catch (error) {
      return this.refuse(request, parsed.endpoint, error)
    }
  }

  private configurationFor(
    request: BootstrapRequest,
    decision: BootstrapDecision,
  ): ResolvedConfiguration {
    const { endpoint } = request
    if (decision === 'refuse') {
      throw new RequestRefused(Code.BAD_REQUEST, 'refused', 'it was refused by decision')
    }
    const configuration =
      decision === 'stored' ? this.configurations.find(endpoint) : { ...decision, endpoint }
    if (configuration === undefined) {
      throw new RequestRefused(
        Code.BAD_REQUEST,
        'unknown-endpoint',
        'there is no bootstrap configuration for it',
      )
    }
    return this.resolve(configuration, endpoint)
  }

  private resolve(configuration: object, endpoint: string): ResolvedConfiguration {
    const resolved = resolveConfiguration(configuration, endpoint, this.options.model())
    const creating = resolved.accounts.findIndex((account) => account.createCredential)
    if (creating >= 0 && this.options.credentials === undefined) {
      throw new BootstrapConfigurationError(
        'invalid-configuration',
        endpoint,
        `servers[${creating}].createCredential needs a server with credentials`,
      )
    }
    return resolved
  }

  private checkRoom(request: BootstrapRequest): void {
    if (request.pack || this.sessions.has(request.endpoint)) return
    if (this.sessions.size >= (this.options.maxSessions ?? 10_000)) {
      throw overload('too many bootstrap sessions')
    }
  }

  /** A device that asks again has given its session up, whatever became of it. */
  private replace(request: BootstrapRequest): void {
    this.sessions.get(request.endpoint)?.cancel('replaced')
    this.byPeer.get(request.peer.id)?.cancel('replaced')
  }

  private startSession(
    coap: CoapEndpoint,
    request: BootstrapRequest,
    configuration: ResolvedConfiguration,
  ): void {
    if (this.stopped) return
    const { endpoint, peer } = request
    const session = new BootstrapSession(request, configuration, {
      coap,
      credentials: this.options.credentials,
      resource: (path) => this.resource(path),
      clock: this.clock,
      responseTimeout: this.options.responseTimeout,
      onProgress: (progress) => this.emit('progress', progress),
    })
    this.replace(request)
    this.sessions.set(endpoint, session)
    this.byPeer.set(peer.id, session)
    const end = session.run().then((result) => {
      if (this.sessions.get(endpoint) === session) this.sessions.delete(endpoint)
      if (this.byPeer.get(peer.id) === session) this.byPeer.delete(peer.id)
      this.ends.delete(end)
      this.known.set(endpoint, session.state)
      this.announce(result)
    })
    this.ends.add(end)
    this.clock.detach('a bootstrap session', end)
  }

  private async sendPack(
    request: BootstrapRequest,
    configuration: ResolvedConfiguration,
  ): Promise<CoapReply> {
    if (!configuration.pack) throw packDisabled()
    const startedAt = this.clock.now()
    const state = this.known.get(request.endpoint)
    requirePlaces(configuration, state)
    const generated = await generatePsks(configuration, this.options.credentials)
    const format = request.preferredFormat ?? ContentFormat.SENML_CBOR
    const resource = (path: Path): ResourceDefinition | undefined => this.resource(path)
    const pack = makePack(configuration, state, format, resource, generated)
    if (state !== undefined) {
      this.known.set(request.endpoint, stateAfter(state, pack.plan, configuration.accounts))
    }
    return {
      code: Code.CONTENT,
      contentFormat: format,
      payload: pack.payload,
      onSent: () =>
        this.announce({
          id: request.id,
          endpoint: request.endpoint,
          peer: request.peer,
          outcome: 'pack-sent',
          version: '1.2',
          format,
          steps: [],
          notes: pack.plan.notes,
          servers: provisionedServers(configuration, pack.plan, generated),
          records: [],
          error: undefined,
          startedAt,
          duration: this.clock.now() - startedAt,
        }),
    }
  }

  private resource(path: Path): ResourceDefinition | undefined {
    const { object, resource } = path
    if (object === undefined || resource === undefined) return undefined
    return this.options.model().object(object)?.resources.get(resource)
  }

  private announce(result: BootstrapResult): void {
    for (const note of result.notes) {
      this.emit('warning', {
        code: 'bootstrap-note',
        message: note,
        endpoint: result.endpoint,
        peer: result.peer,
      })
    }
    this.emit('result', result)
  }

  private warnOfPlainSecrets(
    request: BootstrapRequest,
    configuration: ResolvedConfiguration,
  ): void {
    const secret = configuration.accounts.some(
      (account) => account.security !== 'nosec' || account.oscoreRecords !== undefined,
    )
    if (!secret || request.peer.secure) return
    this.emit('warning', {
      code: 'bootstrap-insecure',
      message: 'keys are sent to the device without security',
      endpoint: request.endpoint,
      peer: request.peer,
    })
  }

  private refuse(request: CoapRequest, endpoint: string | undefined, error: unknown): CoapReply {
    const refused = refusalOf(error)
    this.emit('refused', {
      endpoint: endpoint ?? refused.endpoint,
      peer: request.peer,
      code: refused.code,
      reason: refused.message,
    })
    const overloaded = refused.coapCode === Code.SERVICE_UNAVAILABLE
    return { code: refused.coapCode, ...(overloaded ? { maxAge: RETRY_AFTER } : {}) }
  }
}
