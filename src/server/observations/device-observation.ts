import { CodedError } from '../../base/coded-error'
import { nextTurn } from '../../base/guard'
import type { Timer } from '../../base/scheduler'
import type { CoapResponse } from '../../coap/types'
import { DecodeError } from '../../lwm2m/formats/codec'
import { Level, Path } from '../../lwm2m/path'
import { isSuccess } from '../../coap/codes'
import { DeviceError, OperationError } from '../errors'
import { type DecodedValues, decodeValues } from '../operations/response'
import type { Registration } from '../types'
import { valueReports } from '../values/value-report'
import { DeviceAttributes } from './device-attributes'
import type { ObservationParts } from './observation-parts'
import type { StoredObservation } from './observation-store'
import { ObserveAttempt, type ObserveAttemptOwner, Superseded } from './observe-attempt'
import type { ObservePlan } from './observe-plan'
import { PathObservation } from './path-observation'
import { backOff, retryWhen, type RetryWhen } from './retry'
import { Subscribers } from './subscribers'

/**
 * The observation of one plan on one device, however many subscribe to it: one observe relation (or,
 * where the device has no Observe-Composite, one for each path).
 */
export class DeviceObservation implements ObserveAttemptOwner {
  readonly subscribers: Subscribers
  readonly attributes: DeviceAttributes
  left: readonly Path[] = []
  private observations: readonly PathObservation[] = []
  /** The attempt under way. */
  private current: ObserveAttempt | undefined
  private failures = 0
  /** The registration that they were made under. */
  private device: Registration | undefined
  private adjusting = false
  private verifying = false
  private retry: RetryWhen | undefined
  private retryTimer: Timer | undefined

  constructor(
    readonly endpoint: string,
    readonly plan: ObservePlan,
    readonly parts: ObservationParts,
  ) {
    this.subscribers = new Subscribers(endpoint, parts.scheduler, () => this.readjust())
    this.attributes = new DeviceAttributes(plan, parts)
  }

  /** Observes, now that the device has registered (again): what was before is over. */
  renew(): void {
    this.drop()
    this.subscribers.reset()
    this.attributes.reset()
    this.failures = 0
    this.attempt()
  }

  /**
   * Tries where nothing is observed (somebody new asks, the device has other objects, the server has
   * started), and brings the attributes up to date where something is.
   */
  reconsider(): void {
    if (this.retry === 'later') return
    this.attempt()
    this.readjust()
  }

  /** The device is awake: what failed because it did not answer is tried again. */
  onAwake(): void {
    if (this.retry === 'later' || this.retry === 'awake') this.attempt()
  }

  /**
   * The device has another address or association, where it may have lost what it observes: that is
   * verified. What could not be asked of it before is tried again.
   */
  onMoved(): void {
    this.attempt()
  }

  /** Goes on with an observation made before a restart. */
  adopt(stored: StoredObservation, device: Registration): void {
    this.device = device
    this.observations = stored.observations.map(({ path, token, init, format }) => {
      const observation = new PathObservation(Path.parse(path), init, this)
      observation.adopt(this.parts.devices, device, token, format)
      return observation
    })
    this.left = stored.left.map(Path.from)
    this.attributes.restore(
      stored.attributes,
      stored.observations.some(({ init }) => init.query !== undefined),
    )
    this.subscribers.setActive(true)
    this.readjust()
  }

  /**
   * Ends without a message: the device is gone, or the server stops. What it said before, and was
   * acknowledged, is delivered.
   */
  drop(): void {
    this.current?.abandon()
    this.current = undefined
    this.stopRetry()
    for (const observation of this.observations) {
      observation.startDelivery()
      observation.forget()
    }
    this.observations = []
    this.device = undefined
    this.left = []
    this.subscribers.setActive(false)
  }

  /**
   * Ends because it has no subscription any more: the device is told (Observe=1, same token; RFC 7641 §3.6), and the
   * attributes written for it are unset.
   */
  async cancel(): Promise<void> {
    const { observations, parts, endpoint } = this
    this.observations = []
    this.drop()
    parts.keeper.forget(endpoint, this.plan.key)
    const device = parts.devices.registration(endpoint)
    if (device === undefined) return
    await Promise.allSettled(observations.map((observation) => observation.cancel(device)))
    // Should the device not take it now, its next registration starts afresh anyway.
    await this.attributes.unset(device).catch(() => undefined)
  }

  onResponse(
    response: CoapResponse,
    observation: PathObservation,
    cause: 'first' | 'notify',
  ): void {
    if (!this.observations.includes(observation)) return
    this.receive(response, observation.base, observation.format, cause)
  }

  onEnd(observation: PathObservation, response: CoapResponse | undefined): void {
    if (!this.observations.includes(observation)) return
    this.remove(observation)
    // Without an answer its peer is gone: the device's next registration brings it back.
    if (response !== undefined) this.refused(observation, response)
  }

  /**
   * Decodes values, once for all subscribers, and reports them by their moments.
   * @param format what a response without Content-Format means
   */
  receive(
    response: CoapResponse,
    base: Path,
    format: number | undefined,
    cause: 'first' | 'notify',
  ): void {
    const { device, endpoint, parts, plan } = this
    if (device === undefined) return
    const context = parts.contexts.of()
    const { code } = response
    let decoded: DecodedValues
    try {
      const asked = base.level === Level.ROOT ? plan.paths : undefined
      decoded = decodeValues(response, base, device, context, format, asked)
    } catch (error) {
      parts.counters.undecodable(cause)
      this.undecodable(error, base)
      return
    }
    const { records, definitionOf } = decoded
    const answer = {
      endpoint,
      path: plan.base,
      code,
      format: decoded.format,
      records,
      definitionOf,
    }
    for (const report of valueReports(cause, answer, device, context.now)) {
      parts.values.report(report)
      this.subscribers.deliver(report)
    }
  }

  /** The observation is good, only this message was not: its bytes go to the operator. */
  private undecodable(error: unknown, base: Path): void {
    const coded = error instanceof CodedError ? error : new CodedError('internal', String(error))
    this.parts.warn({
      code: 'decode',
      message: `a value of ${base.toString()} cannot be read: ${coded.message}`,
      endpoint: this.endpoint,
      path: base,
      ...(coded instanceof DecodeError ? { raw: coded.raw } : {}),
    })
    this.subscribers.error(coded)
  }

  private remove(observation: PathObservation): void {
    this.observations = this.observations.filter((other) => other !== observation)
    if (this.observations.length === 0) {
      this.left = []
      this.subscribers.setActive(false)
      this.parts.keeper.forget(this.endpoint, this.plan.key)
    } else {
      this.left = [...this.left, observation.base]
      this.parts.scheduler.detach('keeping an observation', this.keep())
    }
  }

  /** The device said that it does not observe any more. */
  private refused(observation: PathObservation, response: CoapResponse): void {
    const what = `observation of ${observation.base.toString()}`
    if (!isSuccess(response.code)) {
      this.fail(new DeviceError(response.code, `${what} of ${this.endpoint}`))
      return
    }
    // 2.05 without Observe: a value, but no observation (RFC 7641 §3.1).
    this.receive(response, observation.base, observation.format, 'first')
    this.fail(new OperationError('not-observed', `${this.endpoint} ended the ${what}`))
  }

  separate(paths: readonly Path[]): void {
    this.left = paths
  }

  onSettled(path: Path): void {
    this.left = this.left.filter((other) => other !== path)
  }

  onOpened(observation: PathObservation): Promise<void> | undefined {
    this.observations = [...this.observations, observation]
    return this.keep()
  }

  private attempt(): void {
    this.parts.scheduler.detach('making an observation', this.establish())
  }

  private readjust(): void {
    this.parts.scheduler.detach('writing attributes', this.adjust())
  }

  private async establish(): Promise<void> {
    const device = this.parts.devices.registration(this.endpoint)
    if (device === undefined || this.current !== undefined) return
    if (this.subscribers.empty || !this.parts.ready) return
    if (this.observations.length > 0 && this.left.length === 0) return this.verify(device)
    const attempt = new ObserveAttempt(this, device)
    this.device = device
    this.current = attempt
    this.stopRetry()
    try {
      await attempt.run()
      this.failures = 0
    } catch (error) {
      if (attempt === this.current && !(error instanceof Superseded)) this.fail(error)
    }
    if (attempt !== this.current) return
    this.current = undefined
    this.subscribers.setActive(this.observations.length > 0)
    this.readjust()
  }

  /** Asks for what is observed again, as far as nothing has come of it from where the device is now. */
  private async verify(device: Registration): Promise<void> {
    if (this.verifying) return
    this.verifying = true
    try {
      for (;;) {
        const unproven = this.observations.find(({ provenBy }) => provenBy !== device.peer.id)
        if (unproven === undefined) break
        this.stopRetry()
        const refusal = await unproven.refresh(this.parts.devices, device)
        if (refusal === undefined) continue
        this.remove(unproven)
        this.refused(unproven, refusal)
      }
    } catch (error) {
      // The device may still observe: it stays, to be verified later.
      if (this.device === device) this.fail(error)
    } finally {
      this.verifying = false
    }
  }

  private keep(): Promise<void> | undefined {
    const { device, observations } = this
    if (device === undefined) return undefined
    return this.parts.keeper.keep({
      endpoint: this.endpoint,
      registrationId: device.id,
      key: this.plan.key,
      observations: observations.flatMap(({ base, relation, init, format }) =>
        relation === undefined
          ? []
          : [{ path: base.toString(), token: relation.token, init, format }],
      ),
      left: this.left.filter((path) => !observations.some(({ base }) => base === path)).map(String),
      attributes: this.attributes.current,
    })
  }

  /** Brings the device's attributes to what the subscribers ask for now. */
  private async adjust(): Promise<void> {
    if (this.adjusting) return
    this.adjusting = true
    // Nodes that are made anew subscribe one after the other: what they ask for is told at once.
    await nextTurn()
    try {
      for (;;) {
        const { attributes, device, observations, subscribers } = this
        if (device === undefined || observations.length === 0 || subscribers.empty) return
        if (this.current !== undefined || !this.parts.ready) return
        const wanted = attributes.wanted(subscribers.requests, device)
        if (!attributes.differs(wanted)) return
        if (attributes.inQuery) {
          await this.replace(device)
          return
        }
        await attributes.write(wanted, device)
        if (observations !== this.observations) return
        await this.keep()
      }
    } catch {
      // The device did not answer. Its next registration starts afresh, with the right attributes.
    } finally {
      this.adjusting = false
    }
  }

  /** Attributes in the query belong to their observation: it is made anew with others. */
  private async replace(device: Registration): Promise<void> {
    const { observations } = this
    this.observations = []
    this.left = []
    await Promise.allSettled(observations.map((observation) => observation.cancel(device)))
    await this.establish()
  }

  private fail(error: unknown): void {
    const coded = error instanceof CodedError ? error : new CodedError('internal', String(error))
    this.stopRetry()
    this.retry = retryWhen(coded)
    if (this.retry === 'later') {
      this.retryTimer = this.parts.scheduler.after(backOff(++this.failures), () => {
        this.retryTimer = undefined
        this.attempt()
      })
    }
    // Ended by a new registration, a de-registration or the stop of the server: no fault.
    if (coded.code !== 'cancelled') this.subscribers.error(coded)
  }

  private stopRetry(): void {
    this.retry = undefined
    this.parts.scheduler.cancel(this.retryTimer)
    this.retryTimer = undefined
  }
}
