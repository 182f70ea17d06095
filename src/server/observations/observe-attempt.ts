import { Code, isSuccess } from '../../coap/codes'
import type { CoapResponse } from '../../coap/types'
import type { AttributeSet } from '../../lwm2m/attributes'
import { Level, type Path } from '../../lwm2m/path'
import { compareVersions } from '../../lwm2m/versions'
import { DeviceError, OperationError } from '../errors'
import type { DeviceRequestInit } from '../operations/device-request'
import { refusesAccept, requireSuccess } from '../operations/response'
import type { Registration } from '../types'
import type { DeviceAttributes } from './device-attributes'
import type { ObservationParts } from './observation-parts'
import { compositeObserve, singleObserve, type ObservePlan } from './observe-plan'
import { PathObservation, type PathObservationOwner } from './path-observation'
import type { Subscribers } from './subscribers'

/** Answers of a device that has no Observe-Composite, or not in this format. */
const NO_COMPOSITE: readonly number[] = [
  Code.BAD_OPTION,
  Code.METHOD_NOT_ALLOWED,
  Code.UNSUPPORTED_CONTENT_FORMAT,
  Code.NOT_IMPLEMENTED,
]
/** Answers of a device that takes no attributes with Observe. */
const NO_QUERY: readonly number[] = [Code.BAD_REQUEST, Code.BAD_OPTION]

function hasSome(attributes: AttributeSet): boolean {
  return Object.keys(attributes).length > 0
}

/** An attempt that was overtaken by another, or is no longer needed. */
export class Superseded extends Error {}

/** The observation that an attempt is to make. */
export interface ObserveAttemptOwner extends PathObservationOwner {
  readonly endpoint: string
  readonly plan: ObservePlan
  readonly parts: ObservationParts
  readonly subscribers: Subscribers
  readonly attributes: DeviceAttributes
  /** Paths of a composite observation that are still to be observed one by one; see {@link separate}. */
  readonly left: readonly Path[]
  /** The device has no Observe-Composite: these are observed one by one. */
  separate(paths: readonly Path[]): void
  /** One of {@link left} is observed, or refused. */
  onSettled(path: Path): void
  /** The device observes. Resolves when that is kept. */
  onOpened(observation: PathObservation): Promise<void> | undefined
  /** A value came without an observation. */
  receive(response: CoapResponse, base: Path, format: number | undefined, cause: 'first'): void
}

/** One attempt to make an observation: its observe requests, and what their answers say. */
export class ObserveAttempt {
  private abandoned = false

  constructor(
    private readonly owner: ObserveAttemptOwner,
    private readonly device: Registration,
  ) {}

  /** It is no longer needed: what the device still accepts is taken back. */
  abandon(): void {
    this.abandoned = true
  }

  /**
   * Observes: tells the device its attributes, and opens what is missing.
   * @throws Superseded when it was abandoned; DeviceError, OperationError, what the channel says
   */
  async run(): Promise<void> {
    const { plan, left } = this.owner
    if (left.length > 0) return this.observeEach(left)
    const query = await this.tellAttributes()
    this.check()
    if (plan.composite) await this.observeComposite(query)
    else await this.observePath(plan.base, query)
  }

  /** Tells the device its attributes, or returns those that Observe itself will tell it (1.2). */
  private async tellAttributes(): Promise<AttributeSet> {
    const { owner, device } = this
    const wanted = owner.attributes.wanted(owner.subscribers.requests, device)
    if (compareVersions(device.version, '1.2') >= 0) return owner.attributes.say(wanted)
    await owner.attributes.write(wanted, device)
    return {}
  }

  private async observePath(path: Path, query: AttributeSet): Promise<void> {
    const { device } = this
    const { attributes, subscribers, parts } = this.owner
    const { format } = subscribers
    const operation = parts.contexts.of(format)
    let init = singleObserve(path, device, query, operation)
    let answer = await this.open(path, init)
    if (answer !== undefined && hasSome(query) && NO_QUERY.includes(answer.code)) {
      attributes.reset()
      await attributes.write(query, device)
      this.check()
      init = singleObserve(path, device, {}, operation)
      answer = await this.open(path, init)
    }
    if (format === undefined && answer !== undefined && refusesAccept(answer)) {
      answer = await this.open(path, { ...init, accept: undefined })
    }
    if (answer !== undefined) requireSuccess(answer, `Observe ${path.toString()}`, device)
  }

  private async observeComposite(query: AttributeSet): Promise<void> {
    const { device } = this
    const { plan, parts, subscribers } = this.owner
    if (compareVersions(device.version, '1.1') >= 0) {
      const operation = parts.contexts.of(subscribers.format)
      const ask = (attributes: AttributeSet, refused?: number) => {
        const init = compositeObserve(plan.paths, device, attributes, operation, refused)
        return this.open(plan.base, init).then((answer) => ({ init, answer }))
      }
      let attributes = query
      let { init, answer } = await ask(attributes)
      if (answer !== undefined && hasSome(query) && NO_QUERY.includes(answer.code)) {
        attributes = {}
        ;({ init, answer } = await ask(attributes))
      }
      if (answer?.code === Code.UNSUPPORTED_CONTENT_FORMAT) {
        ;({ answer } = await ask(attributes, init.contentFormat))
      }
      if (answer === undefined) return
      if (!NO_COMPOSITE.includes(answer.code)) {
        requireSuccess(answer, `Observe-Composite of ${plan.key}`, device)
        return
      }
    }
    await this.standIn()
  }

  /** The paths of a composite observation one by one: better than nothing. */
  private standIn(): Promise<void> {
    const { plan, parts, endpoint } = this.owner
    const paths = plan.paths.filter((path) => path.level > Level.ROOT)
    const message = `${endpoint} has no Observe-Composite`
    if (paths.length === 0) throw new OperationError('unsupported', message)
    parts.contexts.warn({
      code: 'no-composite',
      message: `${message}: ${plan.key} are observed one by one`,
      endpoint,
    })
    this.owner.separate(paths)
    return this.observeEach(paths)
  }

  /** What a device refuses is reported and left out; what it does not answer stays to be tried. */
  private async observeEach(paths: readonly Path[]): Promise<void> {
    const { owner } = this
    const refusals: DeviceError[] = []
    for (const path of paths) {
      try {
        await this.observePath(path, {})
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error
        refusals.push(error)
      }
      this.check()
      owner.onSettled(path)
    }
    const none = refusals.length === paths.length
    const last = none ? refusals.pop() : undefined
    for (const refusal of refusals) owner.subscribers.error(refusal)
    if (last !== undefined) throw last
  }

  /**
   * Sends one observe request, has the observation kept and delivers its first answer.
   * @returns that answer, also when it is an error
   */
  private async open(base: Path, init: DeviceRequestInit): Promise<CoapResponse | undefined> {
    const { owner, device } = this
    const observation = new PathObservation(base, init, owner)
    const first = await observation.open(owner.parts.devices, device)
    if (this.abandoned) {
      await observation.cancel(device).catch(() => undefined)
      throw new Superseded()
    }
    if (first !== undefined && !isSuccess(first.code)) return first
    if (!observation.active) {
      // 2.05 without Observe: a value, but no observation (RFC 7641 §3.1).
      if (first !== undefined) owner.receive(first, base, undefined, 'first')
      throw new OperationError(
        'not-observed',
        `${owner.endpoint} answers ${base.toString()} but does not observe it`,
      )
    }
    await owner.onOpened(observation)
    this.check()
    observation.startDelivery()
    return first
  }

  private check(): void {
    if (this.abandoned) throw new Superseded()
  }
}
