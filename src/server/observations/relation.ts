import { CodedError } from '../../base/coded-error'
import type { TimerHandle } from '../../base/clock'
import { Code, isSuccess } from '../../coap/codes'
import type { CoapResponse } from '../../coap/types'
import type { AttributeSet } from '../../lwm2m/attributes'
import { Level, type Path } from '../../lwm2m/path'
import { DeviceError, OperationError } from '../errors'
import type { DeviceRequestInit } from '../operations/device-request'
import { compareVersions } from '../../lwm2m/versions'
import { refusesAccept, requireSuccess } from '../operations/response'
import type { Registration } from '../types'
import { Audience } from './audience'
import { deliverable, DeviceAttributes } from './device-attributes'
import { mergeDemands } from './merged-attributes'
import { compositeObserve, singleObserve, type ObservePlan } from './observe-plan'
import type { RelationContext } from './relation-context'
import type { StoredRelation } from './relation-store'
import { backOff, retryWhen, type RetryWhen } from './retry'
import { Wire, type WireListener } from './wire'

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

/** An attempt that was overtaken by another, or is no longer wanted. */
class Superseded extends Error {}

/**
 * The observation of one plan on one device, however many subscribe to it: one relation on the wire
 * (or, where the device has no Observe-Composite, one for each path).
 */
export class DeviceRelation implements WireListener {
  readonly audience: Audience
  private readonly attributes: DeviceAttributes
  private wires: Wire[] = []
  /** Grows with each attempt, so that what an older one brings is known as such. */
  private attempt = 0
  private failures = 0
  private pending = false
  private adjusting = false
  private retry: RetryWhen | undefined
  private retryTimer: TimerHandle | undefined

  constructor(
    readonly endpoint: string,
    readonly plan: ObservePlan,
    private readonly context: RelationContext,
  ) {
    this.audience = new Audience(endpoint, plan, context, () => void this.adjust())
    this.attributes = new DeviceAttributes(plan, context)
  }

  /** Observes, now that the device has registered (again): what was before is over. */
  renew(): void {
    this.drop()
    this.audience.reset()
    this.attributes.reset()
    this.failures = 0
    void this.establish()
  }

  /**
   * Tries where nothing is observed (somebody new asks, the device has other objects, the server has
   * started), and brings the attributes up to date where something is.
   */
  reconsider(): void {
    if (this.retry === 'later') return
    void this.establish()
    void this.adjust()
  }

  /** The device is awake: what failed because it did not answer is tried again. */
  wake(): void {
    if (this.retry === 'later' || this.retry === 'awake') void this.establish()
  }

  /** Goes on with a relation made before a restart. */
  adopt(stored: StoredRelation, device: Registration): void {
    const wire = new Wire(this.plan.base, stored.init, this)
    this.wires = [wire]
    wire.adopt(this.context, device, stored.token, stored.format)
    this.attributes.restore(stored.attributes, stored.init.query !== undefined)
    this.audience.setActive(true)
    void this.adjust()
  }

  /** Ends without a message: the device is gone, or the server stops. */
  drop(): void {
    this.attempt++
    this.pending = false
    this.stopRetry()
    for (const wire of this.wires) wire.forget()
    this.wires = []
    this.audience.setActive(false)
  }

  /**
   * Ends because nobody wants it: the device is told (Observe=1, same token; RFC 7641 §3.6), and the
   * attributes written for it are unset.
   */
  async cancel(): Promise<void> {
    const { wires, context, endpoint } = this
    this.wires = []
    this.drop()
    context.forget(endpoint, this.plan.key)
    const device = context.registration(endpoint)
    if (device === undefined) return
    await Promise.allSettled(wires.map((wire) => wire.cancel(device)))
    // Should the device not take it now, its next registration starts afresh anyway.
    await this.attributes.unset(device).catch(() => undefined)
  }

  onResponse(response: CoapResponse, wire: Wire): void {
    if (this.wires.includes(wire)) this.audience.receive(response, wire.base, wire.format)
  }

  onEnd(wire: Wire, response: CoapResponse | undefined): void {
    if (!this.wires.includes(wire)) return
    this.wires = this.wires.filter((other) => other !== wire)
    if (this.wires.length === 0) {
      this.audience.setActive(false)
      this.context.forget(this.endpoint, this.plan.key)
    }
    // Without an answer its peer is gone: the device's next registration brings it back.
    if (response === undefined) return
    const what = `observation of ${wire.base.toString()}`
    this.fail(new DeviceError(response.code, `${what} of ${this.endpoint}`))
  }

  private async establish(): Promise<void> {
    const device = this.context.registration(this.endpoint)
    if (device === undefined || this.pending || this.wires.length > 0 || this.audience.empty) return
    if (!this.context.ready()) return
    const attempt = ++this.attempt
    this.stopRetry()
    this.pending = true
    try {
      const query = await this.tellAttributes(device)
      this.check(attempt)
      if (this.plan.composite) await this.observeComposite(attempt, device, query)
      else await this.observePath(attempt, device, this.plan.base, query)
      this.failures = 0
    } catch (error) {
      if (attempt === this.attempt && !(error instanceof Superseded)) this.fail(error)
    }
    if (attempt !== this.attempt) return
    this.pending = false
    this.audience.setActive(this.wires.length > 0)
    void this.adjust()
  }

  /** Tells the device its attributes, or returns those that Observe itself will tell it (1.2). */
  private async tellAttributes(device: Registration): Promise<AttributeSet> {
    const wanted = this.wanted(device)
    if (compareVersions(device.version, '1.2') >= 0) return this.attributes.say(wanted)
    await this.attributes.write(wanted, device)
    return {}
  }

  private async observePath(
    attempt: number,
    device: Registration,
    path: Path,
    query: AttributeSet,
  ): Promise<void> {
    const format = this.audience.format
    let init = singleObserve(path, device, format, query)
    let answer = await this.open(attempt, device, path, init)
    if (answer !== undefined && hasSome(query) && NO_QUERY.includes(answer.code)) {
      this.attributes.reset()
      await this.attributes.write(query, device)
      this.check(attempt)
      init = singleObserve(path, device, format, {})
      answer = await this.open(attempt, device, path, init)
    }
    if (format === undefined && answer !== undefined && refusesAccept(answer)) {
      answer = await this.open(attempt, device, path, { ...init, accept: undefined })
    }
    if (answer !== undefined) requireSuccess(answer, `Observe ${path.toString()}`, device)
  }

  private async observeComposite(
    attempt: number,
    device: Registration,
    query: AttributeSet,
  ): Promise<void> {
    const { plan, context } = this
    if (compareVersions(device.version, '1.1') >= 0) {
      const { format } = this.audience
      const operation = context.operation(format)
      const ask = (attributes: AttributeSet) => {
        const init = compositeObserve(plan.paths, device, format, attributes, operation)
        return this.open(attempt, device, plan.base, init)
      }
      let answer = await ask(query)
      if (answer !== undefined && hasSome(query) && NO_QUERY.includes(answer.code)) {
        answer = await ask({})
      }
      if (answer === undefined) return
      if (!NO_COMPOSITE.includes(answer.code)) {
        requireSuccess(answer, `Observe-Composite of ${plan.key}`, device)
        return
      }
    }
    await this.observeEach(attempt, device)
  }

  /** The paths of a composite observation one by one: better than nothing. */
  private async observeEach(attempt: number, device: Registration): Promise<void> {
    const { plan, context } = this
    const paths = plan.paths.filter((path) => path.level > Level.ROOT)
    const message = `${device.endpoint} has no Observe-Composite`
    if (paths.length === 0) throw new OperationError('unsupported', message)
    context.warn({
      code: 'no-composite',
      message: `${message}: ${plan.key} are observed one by one`,
      endpoint: device.endpoint,
    })
    let refusal: DeviceError | undefined
    for (const path of paths) {
      try {
        await this.observePath(attempt, device, path, {})
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error
        if (refusal !== undefined) this.audience.error(refusal)
        refusal = error
      }
    }
    if (refusal === undefined) return
    if (this.wires.length === 0) throw refusal
    this.audience.error(refusal)
  }

  /**
   * Opens one wire, keeps it and delivers its first answer.
   * @returns that answer, also when it is an error
   */
  private async open(
    attempt: number,
    device: Registration,
    base: Path,
    init: DeviceRequestInit,
  ): Promise<CoapResponse | undefined> {
    const wire = new Wire(base, init, this)
    const first = await wire.open(this.context, device)
    if (attempt !== this.attempt) {
      await wire.cancel(device).catch(() => undefined)
      throw new Superseded()
    }
    if (first !== undefined && !isSuccess(first.code)) return first
    if (!wire.active) {
      // 2.05 without Observe: a value, but no observation (RFC 7641 §3.1).
      if (first !== undefined) this.audience.receive(first, base, undefined)
      throw new OperationError(
        'not-observed',
        `${this.endpoint} answers ${base.toString()} but does not observe it`,
      )
    }
    this.wires.push(wire)
    await this.keep(wire, device)
    this.check(attempt)
    wire.goLive()
    return first
  }

  /** Relations that stand in for a composite one are not kept: after a restart it is tried again. */
  private keep(wire: Wire, device: Registration): Promise<void> | undefined {
    if (wire.relation === undefined || wire.base !== this.plan.base) return undefined
    return this.context.keep({
      endpoint: this.endpoint,
      registrationId: device.id,
      key: this.plan.key,
      token: wire.relation.token,
      init: wire.init,
      format: wire.format,
      attributes: this.attributes.current,
    })
  }

  /** Brings the device's attributes to what the subscribers want now. */
  private async adjust(): Promise<void> {
    if (this.adjusting) return
    this.adjusting = true
    try {
      for (;;) {
        const { attributes, wires, attempt } = this
        const device = this.context.registration(this.endpoint)
        const [wire] = wires
        if (device === undefined || wire === undefined || this.pending || this.audience.empty)
          return
        const wanted = this.wanted(device)
        if (!attributes.differs(wanted)) return
        if (attributes.inQuery) {
          await this.replace(device)
          return
        }
        await attributes.write(wanted, device)
        if (attempt !== this.attempt) return
        await this.keep(wire, device)
      }
    } catch {
      // The device did not answer. Its next registration starts afresh, with the right attributes.
    } finally {
      this.adjusting = false
    }
  }

  /** Attributes in the query belong to their observation: it is made anew with others. */
  private async replace(device: Registration): Promise<void> {
    const { wires } = this
    this.wires = []
    this.attempt++
    await Promise.allSettled(wires.map((wire) => wire.cancel(device)))
    await this.establish()
  }

  private wanted(device: Registration): AttributeSet {
    const merged = mergeDemands(this.audience.demands)
    return deliverable(merged, this.plan, device, this.context.warn)
  }

  private fail(error: unknown): void {
    const coded = error instanceof CodedError ? error : new CodedError('internal', String(error))
    this.stopRetry()
    this.retry = retryWhen(coded)
    if (this.retry === 'later') {
      this.retryTimer = this.context.clock.setTimeout(() => {
        this.retryTimer = undefined
        void this.establish()
      }, backOff(++this.failures))
    }
    // Ended by a new registration, a de-registration or the stop of the server: no fault.
    if (coded.code !== 'cancelled') this.audience.error(coded)
  }

  private check(attempt: number): void {
    if (attempt !== this.attempt) throw new Superseded()
  }

  private stopRetry(): void {
    this.retry = undefined
    this.context.clock.clearTimeout(this.retryTimer)
    this.retryTimer = undefined
  }
}
