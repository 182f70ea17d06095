import type { Clock } from '../../base/clock'
import { Code, codeName, formatCode } from '../../coap/codes'
import type { CoapEndpoint } from '../../coap/endpoint'
import type { CoapResponse, TransmissionOptions } from '../../coap/types'
import { withQueue } from '../../lwm2m/binding'
import { diagnosticOf } from '../../lwm2m/diagnostic'
import { ContentFormat } from '../../lwm2m/formats/codec'
import type { Peer } from '../../transport/transport'
import { ServerRejected } from '../errors'
import type { ClientRegistration, Lwm2mVersion } from '../types'

/** The parameters of a registration. */
export interface RegistrationFacts {
  /** Undefined: not sent, the server identifies the device by its credential. */
  readonly endpoint: string | undefined
  readonly shortServerId: number
  readonly server: string
  /** Seconds. */
  readonly lifetime: number
  /** Without Q. */
  readonly binding: string
  readonly queueMode: boolean
  readonly sms: string | undefined
  readonly attributes: { readonly [name: string]: string }
  /** The object list for a version (Core §6.2.1.1), link-format. */
  readonly objects: (version: Lwm2mVersion) => string
}

const LOWER: { readonly [version in Lwm2mVersion]: Lwm2mVersion | undefined } = {
  '1.2': '1.1',
  '1.1': '1.0',
  '1.0': undefined,
}

/** The three requests of the registration interface (Core §6.2) at one server. */
export class RegistrationInterface {
  private registration: ClientRegistration | undefined
  /** The last values sent to the server: an Update contains only the differences. */
  private told: { lifetime: number; binding: string; objects: string } | undefined

  constructor(
    private readonly endpoint: CoapEndpoint,
    private readonly clock: Clock,
    private readonly highest: Lwm2mVersion,
  ) {}

  get current(): ClientRegistration | undefined {
    return this.registration
  }

  /** Whether an Update would contain any parameters. */
  differs(facts: RegistrationFacts): boolean {
    const { told, registration } = this
    if (told === undefined || registration === undefined) return true
    return (
      told.lifetime !== facts.lifetime ||
      told.binding !== facts.binding ||
      told.objects !== facts.objects(registration.version)
    )
  }

  /**
   * Registers, in a lower version if the server answers 4.12 (Core §6.2.1).
   * @throws ServerRejected and the errors of {@link CoapEndpoint.request}
   */
  async register(
    peer: Peer,
    facts: RegistrationFacts,
    transmission: TransmissionOptions,
  ): Promise<ClientRegistration> {
    this.forget()
    let version: Lwm2mVersion | undefined = this.highest
    for (;;) {
      const objects = facts.objects(version)
      const response = await this.endpoint.request(peer, {
        ...transmission,
        code: Code.POST,
        path: ['rd'],
        query: registerQuery(facts, version),
        contentFormat: ContentFormat.LINK,
        payload: Buffer.from(objects, 'utf8'),
      })
      const lower: Lwm2mVersion | undefined = LOWER[version]
      if (response.code === Code.PRECONDITION_FAILED && lower !== undefined) {
        version = lower
        continue
      }
      expect(response, Code.CREATED, 'Register')
      const now = this.clock.now()
      this.told = { lifetime: facts.lifetime, binding: facts.binding, objects }
      this.registration = {
        shortServerId: facts.shortServerId,
        server: facts.server,
        location: response.locationPath,
        version,
        lifetime: facts.lifetime,
        registeredAt: now,
        updatedAt: now,
      }
      return this.registration
    }
  }

  /**
   * Updates the registration with the changes since (Core §6.2.2).
   * @throws ServerRejected (4.04: register again) and the errors of {@link CoapEndpoint.request}
   */
  async update(
    peer: Peer,
    facts: RegistrationFacts,
    transmission: TransmissionOptions,
  ): Promise<ClientRegistration> {
    const { registration, told } = this
    if (registration === undefined || told === undefined) {
      throw new ServerRejected(Code.NOT_FOUND, '4.04', 'Update: there is no registration')
    }
    const objects = facts.objects(registration.version)
    const query: string[] = []
    if (facts.lifetime !== told.lifetime) query.push(`lt=${facts.lifetime}`)
    if (facts.binding !== told.binding) query.push(`b=${bindingText(facts, registration.version)}`)
    const list =
      objects === told.objects
        ? {}
        : { contentFormat: ContentFormat.LINK, payload: Buffer.from(objects, 'utf8') }
    const response = await this.endpoint.request(peer, {
      ...transmission,
      code: Code.POST,
      path: registration.location,
      query,
      ...list,
    })
    expect(response, Code.CHANGED, 'Update')
    this.told = { lifetime: facts.lifetime, binding: facts.binding, objects }
    this.registration = {
      ...registration,
      lifetime: facts.lifetime,
      updatedAt: this.clock.now(),
    }
    return this.registration
  }

  /** @throws ServerRejected and the errors of {@link CoapEndpoint.request} */
  async deregister(peer: Peer, transmission: TransmissionOptions): Promise<void> {
    const { registration } = this
    this.forget()
    if (registration === undefined) return
    const response = await this.endpoint.request(peer, {
      ...transmission,
      code: Code.DELETE,
      path: registration.location,
    })
    expect(response, Code.DELETED, 'De-register')
  }

  /** The registration no longer exists at the server, or is left to expire. */
  forget(): void {
    this.registration = undefined
    this.told = undefined
  }
}

function registerQuery(facts: RegistrationFacts, version: Lwm2mVersion): string[] {
  const query: string[] = []
  if (facts.endpoint !== undefined) query.push(`ep=${facts.endpoint}`)
  query.push(`lt=${facts.lifetime}`, `lwm2m=${version}`, `b=${bindingText(facts, version)}`)
  // Q is a separate parameter since 1.1, part of the binding before (Core §6.2.1.2).
  if (facts.queueMode && version !== '1.0') query.push('Q')
  if (facts.sms !== undefined) query.push(`sms=${facts.sms}`)
  for (const [name, value] of Object.entries(facts.attributes)) {
    query.push(value === '' ? name : `${name}=${value}`)
  }
  return query
}

function bindingText(facts: RegistrationFacts, version: Lwm2mVersion): string {
  if (version !== '1.0' || !facts.queueMode) return facts.binding
  return withQueue(facts.binding)
}

/** @throws ServerRejected */
export function expect(response: CoapResponse, code: number, what: string): void {
  if (response.code === code) return
  const diagnostic = diagnosticOf(response)
  const detail = diagnostic === '' ? '' : `: ${diagnostic}`
  throw new ServerRejected(
    response.code,
    formatCode(response.code),
    `${what}: ${formatCode(response.code)} ${codeName(response.code)}${detail}`,
  )
}
