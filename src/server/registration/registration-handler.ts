import { CodedError } from '../../base/coded-error'
import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { describeIdentity, type Peer } from '../../transport/transport'
import type { LifetimeOptions } from '../options'
import type { RegistrationState } from './registration-state'
import type { Lwm2mVersion, ServerWarning } from '../types'
import { DeviceRegistration, newRegistrationId } from './device-registration'
import { BudgetExceeded, type RegistrationBudgets } from './budgets'
import type { ObjectList, ObjectLists } from './object-lists'
import {
  checkEndpoint,
  claimedEndpoint,
  mergeAttributes,
  NO_ATTRIBUTES,
  parseRegister,
  parseUpdate,
  type RegisterParameters,
  type UpdateParameters,
} from './parameters'
import type { ProfileLists } from './profile-lists'
import type { RegistrationAuthority } from './registration-authority'
import type { RegistrationLifecycle } from './registration-lifecycle'
import { RegistrationRefused } from './registration-refused'
import { isSameDevice, type RegistrationPeers } from './registration-peers'
import type { RegistrationRepository } from './repository'
import { isTakeOver, takeOverWarning, type TakeOverPolicy } from './take-over'

/** What the handler needs of the server. */
export interface RegistrationHandlerHost {
  readonly repository: RegistrationRepository
  readonly peers: RegistrationPeers
  readonly lifecycle: RegistrationLifecycle
  readonly lists: ObjectLists
  readonly profiles: ProfileLists
  readonly authority: RegistrationAuthority
  readonly lifetime: LifetimeOptions
  readonly learnAddress: boolean
  /** Of a device that registers without `lwm2m`; undefined to refuse it. */
  readonly defaultVersion: Lwm2mVersion | undefined
  readonly takeOver: TakeOverPolicy
  readonly budgets: RegistrationBudgets
  now(): number
  warn(warning: ServerWarning): void
}

const DEFAULT_LIFETIME = 86_400
/** Bytes of an object list: room for thousands of instances; every registration keeps its list. */
const MAX_LIST = 65_536

const CHANGED: CoapReply = Object.freeze({ code: Code.CHANGED })
const DELETED: CoapReply = Object.freeze({ code: Code.DELETED })
const NOT_FOUND: CoapReply = Object.freeze({ code: Code.NOT_FOUND })
const NOT_ALLOWED: CoapReply = Object.freeze({ code: Code.METHOD_NOT_ALLOWED })

/** The registration interface on the wire (Core §6.2): `/rd` and `/rd/{id}`. */
export class RegistrationHandler {
  constructor(private readonly host: RegistrationHandlerHost) {}

  /** Answers a request below `/rd`; `named` is the registration of its location. */
  handle(request: CoapRequest, named?: DeviceRegistration): CoapReply | Promise<CoapReply> {
    try {
      const reply = this.dispatch(request, named)
      if (!(reply instanceof Promise)) return reply
      return reply.catch((error: unknown) => this.refused(request, error))
    } catch (error) {
      return this.refused(request, error)
    }
  }

  private dispatch(
    request: CoapRequest,
    named: DeviceRegistration | undefined,
  ): CoapReply | Promise<CoapReply> {
    const [, id] = request.path
    if (request.path.length > 2) return NOT_FOUND
    if (id === undefined) {
      return request.code === Code.POST ? this.register(request) : NOT_ALLOWED
    }
    if (request.code === Code.POST) return this.update(request, named)
    if (request.code === Code.DELETE) return this.deregister(request, named)
    return NOT_ALLOWED
  }

  private register(request: CoapRequest): CoapReply | Promise<CoapReply> {
    const { host } = this
    if (!request.confirmable) {
      throw new RegistrationRefused(Code.BAD_REQUEST, 'a Register is a confirmable message')
    }
    const parameters = parseRegister(request.query, host.defaultVersion)
    const endpoint = this.endpointOf(request, parameters)
    host.budgets.countRegister(request.peer)
    const list = this.listOf(request, parameters)
    if (list === undefined) {
      throw new RegistrationRefused(Code.BAD_REQUEST, 'the list of objects is missing')
    }
    const asked = host.authority.ask?.(endpoint, request.peer)
    if (asked === undefined) return this.admit(request, endpoint, parameters, list)
    return asked.then((decision) => {
      if (decision === 'accepted') {
        // Another device may have sent the same meanwhile: there is one list of each text.
        const same = host.lists.parseText(list.text, list.version)
        return this.admit(request, endpoint, parameters, same)
      }
      host.warn({
        code: decision,
        message:
          decision === 'refused'
            ? `the flow refused to let ${endpoint} register`
            : `no flow decided in time whether ${endpoint} may register`,
        endpoint,
        peer: request.peer,
      })
      throw new RegistrationRefused(Code.FORBIDDEN, 'the endpoint is not known', 'warned')
    })
  }

  /** Lets a device in that may register, unless it takes the place of another. */
  private admit(
    request: CoapRequest,
    endpoint: string,
    parameters: RegisterParameters,
    list: ObjectList,
  ): CoapReply | Promise<CoapReply> {
    const { host } = this
    const holder = host.repository.get(endpoint)
    if (holder !== undefined && isTakeOver(holder, request.peer)) {
      if (host.takeOver === 'refuse' && holder.bound) {
        return this.takeOver(request, holder, parameters, list)
      }
      this.warnOfTakeOver(holder, request.peer)
    }
    return this.enter(request, endpoint, parameters, list, holder)
  }

  /** Takes the place of another registration, unless its device shows that it is there. */
  private async takeOver(
    request: CoapRequest,
    holder: DeviceRegistration,
    parameters: RegisterParameters,
    list: ObjectList,
  ): Promise<CoapReply> {
    const { host } = this
    if (await host.peers.answersPing(holder)) {
      host.warn(takeOverWarning(holder, request.peer, true))
      throw new RegistrationRefused(Code.FORBIDDEN, 'the endpoint is in use', 'warned')
    }
    this.warnOfTakeOver(holder, request.peer)
    // Another device may have sent the same meanwhile: there is one list of each text.
    const same = host.lists.parseText(list.text, list.version)
    const { endpoint } = holder
    return this.enter(request, endpoint, parameters, same, host.repository.get(endpoint))
  }

  private warnOfTakeOver(holder: DeviceRegistration, peer: Peer): void {
    if (this.host.takeOver !== 'accept') this.host.warn(takeOverWarning(holder, peer, false))
  }

  /** Puts a registration in force, and says so. */
  private enter(
    request: CoapRequest,
    endpoint: string,
    parameters: RegisterParameters,
    list: ObjectList,
    previous: DeviceRegistration | undefined,
  ): CoapReply | Promise<CoapReply> {
    const { host } = this
    const registration = new DeviceRegistration(
      newRegistrationId(),
      endpoint,
      request.peer,
      list,
      parameters,
      this.lifetimeOf(endpoint, parameters.lifetime ?? host.lifetime.default ?? DEFAULT_LIFETIME),
      host.now(),
    )
    const reply: CoapReply = { code: Code.CREATED, locationPath: ['rd', registration.id] }
    const done = host.lifecycle.register(registration, previous)
    return done === undefined ? reply : done.then(() => reply)
  }

  private update(
    request: CoapRequest,
    named: DeviceRegistration | undefined,
  ): CoapReply | Promise<CoapReply> {
    const { host } = this
    const registration = this.allowed(request, named)
    if (registration === undefined) return NOT_FOUND
    if (
      request.query.length === 0 &&
      request.payload.length === 0 &&
      registration.peer === request.peer
    ) {
      const done = host.lifecycle.renew(registration)
      return done === undefined ? CHANGED : done.then(() => CHANGED)
    }
    const patch = this.patchOf(request, registration)
    const same = Object.keys(patch).length === 0
    const done = same
      ? host.lifecycle.renew(registration)
      : host.lifecycle.change(registration, patch)
    return done === undefined ? CHANGED : done.then(() => CHANGED)
  }

  private deregister(
    request: CoapRequest,
    named: DeviceRegistration | undefined,
  ): CoapReply | Promise<CoapReply> {
    const registration = this.allowed(request, named)
    if (registration === undefined) return NOT_FOUND
    const done = this.host.lifecycle.deregister(registration)
    return done === undefined ? DELETED : done.then(() => DELETED)
  }

  /**
   * The registration of a location, if the peer may speak for it: the same identity where there is
   * security; without, knowledge of the id (Core §6.2.2).
   */
  private allowed(
    request: CoapRequest,
    registration: DeviceRegistration | undefined,
  ): DeviceRegistration | undefined {
    const { host } = this
    if (registration === undefined || registration.closing) return undefined
    const { peer } = request
    if (registration.peer.id !== peer.id) {
      if (!isSameDevice(registration.peer, peer)) return undefined
      if (!peer.secure && !host.learnAddress) return undefined
    }
    // The endpoint may have been given a credential since: it has to register again, with security.
    if (!peer.secure && host.authority.refuse(registration.endpoint, peer.identity) !== undefined) {
      return undefined
    }
    return registration
  }

  private patchOf(
    request: CoapRequest,
    registration: DeviceRegistration,
  ): Partial<RegistrationState> {
    const parameters = parseUpdate(request.query, registration.version)
    const { binding, queueMode, sms, profileId, attributes } = parameters
    const list = this.listOf(request, { ...parameters, version: registration.version })
    const patch: { -readonly [K in keyof RegistrationState]?: RegistrationState[K] } = {}
    if (request.peer !== registration.peer) patch.peer = request.peer
    if (list !== undefined && list !== registration.list) patch.list = list
    if (parameters.lifetime !== undefined) {
      const lifetime = this.lifetimeOf(registration.endpoint, parameters.lifetime)
      if (lifetime !== registration.lifetime) patch.lifetime = lifetime
    }
    if (binding !== undefined && binding !== registration.binding) patch.binding = binding
    if (queueMode !== undefined && queueMode !== registration.queueMode) patch.queueMode = queueMode
    if (sms !== undefined && sms !== registration.sms) patch.sms = sms
    if (profileId !== undefined && profileId !== registration.profileId) patch.profileId = profileId
    if (attributes !== NO_ATTRIBUTES) {
      patch.attributes = mergeAttributes(registration.attributes, attributes)
    }
    return patch
  }

  /** The name a device registers as, if it may (Core §6.2.1). */
  private endpointOf(request: CoapRequest, parameters: RegisterParameters): string {
    const { authority } = this.host
    const { identity } = request.peer
    const endpoint = parameters.endpoint ?? authority.endpointOf(identity)
    if (endpoint === undefined) {
      throw new RegistrationRefused(
        Code.BAD_REQUEST,
        `ep is missing and ${describeIdentity(identity)} does not stand for one endpoint`,
      )
    }
    checkEndpoint(endpoint)
    const refusal = authority.refuse(endpoint, identity)
    if (refusal === undefined) return endpoint
    this.host.warn({
      code: refusal.code,
      message: `${JSON.stringify(endpoint)} may not register: ${refusal.reason}`,
      endpoint,
      peer: request.peer,
    })
    // What was expected is for the operator, not for whoever asks.
    throw new RegistrationRefused(Code.BAD_REQUEST, 'ep does not fit the credentials', 'warned')
  }

  /** The objects of the payload, or of the profile; `undefined` when there is neither. */
  private listOf(
    request: CoapRequest,
    parameters: Pick<UpdateParameters, 'profileId'> & Pick<RegisterParameters, 'version'>,
  ): ObjectList | undefined {
    const { host } = this
    const { secure } = request.peer
    const { profileId, version } = parameters
    if (request.payload.length === 0) {
      return profileId === undefined ? undefined : host.profiles.find(profileId, secure)
    }
    if (request.payload.length > MAX_LIST) {
      throw new RegistrationRefused(
        Code.REQUEST_ENTITY_TOO_LARGE,
        `a list of objects has at most ${MAX_LIST} bytes`,
      )
    }
    if (request.contentFormat !== undefined && request.contentFormat !== ContentFormat.LINK) {
      throw new RegistrationRefused(
        Code.UNSUPPORTED_CONTENT_FORMAT,
        'the list of objects is application/link-format (40)',
      )
    }
    const list = host.lists.parse(request.payload, version)
    if (profileId !== undefined) host.profiles.learn(profileId, secure, list)
    return list
  }

  private lifetimeOf(endpoint: string, asked: number): number {
    const { min = 0, max = Infinity } = this.host.lifetime
    const wanted = asked === 0 ? Infinity : asked
    const lifetime = Math.min(Math.max(wanted, min), max)
    if (lifetime !== wanted) {
      this.host.warn({
        code: 'lifetime-limited',
        message: `${endpoint} asked for a lifetime of ${asked} s and got ${lifetime} s`,
        endpoint,
      })
    }
    return lifetime === Infinity ? 0 : lifetime
  }

  private refused(request: CoapRequest, error: unknown): CoapReply {
    const { host } = this
    const { peer, path, query } = request
    const id = path[1]
    const endpoint = id === undefined ? claimedEndpoint(query) : host.repository.byId(id)?.endpoint
    const from = { peer, ...(endpoint === undefined ? {} : { endpoint }) }
    if (error instanceof RegistrationRefused) {
      if (error instanceof BudgetExceeded) {
        const warning = host.budgets.report(error, endpoint)
        if (warning !== undefined) host.warn({ ...warning, ...from })
      } else if (error.warning !== 'warned') {
        host.warn({
          code: error.warning ?? 'registration-refused',
          message: `a registration request was answered ${error.code}: ${error.message}`,
          ...from,
        })
      }
      const { coapCode, retryAfter, message } = error
      return {
        code: coapCode,
        payload: Buffer.from(message),
        ...(retryAfter === undefined ? {} : { maxAge: retryAfter }),
      }
    }
    host.warn({
      code: error instanceof CodedError ? error.code : 'internal',
      message: `a registration request could not be served: ${String(error)}`,
      ...from,
    })
    return { code: Code.INTERNAL_SERVER_ERROR }
  }
}
