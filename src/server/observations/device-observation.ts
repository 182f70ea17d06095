import { CodedError } from '../../base/coded-error'
import { nextTurn } from '../../base/guard'
import type { Timer } from '../../base/scheduler'
import type { CoapResponse } from '../../coap/types'
import { Path } from '../../lwm2m/path'
import { isSuccess } from '../../coap/codes'
import { DeviceError, OperationError } from '../errors'
import type { Registration } from '../types'
import { Subscribers } from './subscribers'
import { DeviceAttributes } from './device-attributes'
import type { ObservePlan } from './observe-plan'
import { ObserveAttempt, type ObserveAttemptOwner, Superseded } from './observe-attempt'
import type { ObservationContext } from './observation-context'
import type { StoredObservation } from './observation-store'
import { backOff, retryWhen, type RetryWhen } from './retry'
import { PathObservation } from './path-observation'

/**
 * The observation of one plan on one device, however many subscribe to it: one relation on the wire
 * (or, where the device has no Observe-Composite, one for each path).
 */
export class DeviceObservation implements ObserveAttemptOwner {
  readonly subscribers: Subscribers
  readonly attributes: DeviceAttributes
  left: readonly Path[] = []
  private wires: readonly PathObservation[] = []
  /** The attempt under way. */
  private opening: ObserveAttempt | undefined
  private failures = 0
  /** Of the registration that the wires were made under. */
  private registrationId = ''
  private adjusting = false
  private verifying = false
  private retry: RetryWhen | undefined
  private retryTimer: Timer | undefined

  constructor(
    readonly endpoint: string,
    readonly plan: ObservePlan,
    readonly context: ObservationContext,
  ) {
    this.subscribers = new Subscribers(endpoint, plan, context, () => this.readjust())
    this.attributes = new DeviceAttributes(plan, context)
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
  wake(): void {
    if (this.retry === 'later' || this.retry === 'awake') this.attempt()
  }

  /**
   * The device has another address or association, where it may have lost what it observes: that is
   * verified. What could not be asked of it before is tried again.
   */
  moved(): void {
    this.attempt()
  }

  /** Goes on with a relation made before a restart. */
  adopt(stored: StoredObservation, device: Registration): void {
    this.wires = stored.wires.map(({ path, token, init, format }) => {
      const wire = new PathObservation(Path.parse(path), init, this)
      wire.adopt(this.context, device, token, format)
      return wire
    })
    this.left = stored.left.map(Path.from)
    this.registrationId = device.id
    this.attributes.restore(
      stored.attributes,
      stored.wires.some(({ init }) => init.query !== undefined),
    )
    this.subscribers.setActive(true)
    this.readjust()
  }

  /**
   * Ends without a message: the device is gone, or the server stops. What it said before, and was
   * acknowledged, is delivered.
   */
  drop(): void {
    this.opening?.abandon()
    this.opening = undefined
    this.stopRetry()
    for (const wire of this.wires) {
      wire.goLive()
      wire.forget()
    }
    this.wires = []
    this.left = []
    this.subscribers.setActive(false)
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

  onResponse(response: CoapResponse, wire: PathObservation, cause: 'first' | 'notify'): void {
    if (this.wires.includes(wire)) this.subscribers.receive(response, wire.base, wire.format, cause)
  }

  onEnd(wire: PathObservation, response: CoapResponse | undefined): void {
    if (!this.wires.includes(wire)) return
    this.remove(wire)
    // Without an answer its peer is gone: the device's next registration brings it back.
    if (response !== undefined) this.refused(wire, response)
  }

  private remove(wire: PathObservation): void {
    this.wires = this.wires.filter((other) => other !== wire)
    if (this.wires.length === 0) {
      this.left = []
      this.subscribers.setActive(false)
      this.context.forget(this.endpoint, this.plan.key)
    } else {
      this.left = [...this.left, wire.base]
      this.context.clock.detach('keeping an observation', this.keep())
    }
  }

  /** The device said that it does not observe any more. */
  private refused(wire: PathObservation, response: CoapResponse): void {
    const what = `observation of ${wire.base.toString()}`
    if (!isSuccess(response.code)) {
      this.fail(new DeviceError(response.code, `${what} of ${this.endpoint}`))
      return
    }
    // 2.05 without Observe: a value, but no observation (RFC 7641 §3.1).
    this.subscribers.receive(response, wire.base, wire.format, 'first')
    this.fail(new OperationError('not-observed', `${this.endpoint} ended the ${what}`))
  }

  separate(paths: readonly Path[]): void {
    this.left = paths
  }

  onSettled(path: Path): void {
    this.left = this.left.filter((other) => other !== path)
  }

  onOpened(wire: PathObservation): Promise<void> | undefined {
    this.wires = [...this.wires, wire]
    return this.keep()
  }

  private attempt(): void {
    this.context.clock.detach('making an observation', this.establish())
  }

  private readjust(): void {
    this.context.clock.detach('writing attributes', this.adjust())
  }

  private async establish(): Promise<void> {
    const device = this.context.registration(this.endpoint)
    if (device === undefined || this.opening !== undefined) return
    if (this.subscribers.empty || !this.context.ready()) return
    if (this.wires.length > 0 && this.left.length === 0) return this.verify(device)
    const opening = new ObserveAttempt(this, device)
    this.registrationId = device.id
    this.opening = opening
    this.stopRetry()
    try {
      await opening.run()
      this.failures = 0
    } catch (error) {
      if (opening === this.opening && !(error instanceof Superseded)) this.fail(error)
    }
    if (opening !== this.opening) return
    this.opening = undefined
    this.subscribers.setActive(this.wires.length > 0)
    this.readjust()
  }

  /** Asks for what is observed again, as far as nothing has come of it from where the device is now. */
  private async verify(device: Registration): Promise<void> {
    if (this.verifying) return
    this.verifying = true
    try {
      for (;;) {
        const wire = this.wires.find(({ provenBy }) => provenBy !== device.peer.id)
        if (wire === undefined) break
        this.stopRetry()
        const refusal = await wire.refresh(this.context, device)
        if (refusal === undefined) continue
        this.remove(wire)
        this.refused(wire, refusal)
      }
    } catch (error) {
      // The device may still observe: it stays, to be verified later.
      if (this.registrationId === device.id) this.fail(error)
    } finally {
      this.verifying = false
    }
  }

  private keep(): Promise<void> | undefined {
    return this.context.keep({
      endpoint: this.endpoint,
      registrationId: this.registrationId,
      key: this.plan.key,
      wires: this.wires.flatMap(({ base, relation, init, format }) =>
        relation === undefined
          ? []
          : [{ path: base.toString(), token: relation.token, init, format }],
      ),
      left: this.left.filter((path) => !this.wires.some((wire) => wire.base === path)).map(String),
      attributes: this.attributes.current,
    })
  }

  /** Brings the device's attributes to what the subscribers want now. */
  private async adjust(): Promise<void> {
    if (this.adjusting) return
    this.adjusting = true
    // Nodes that are made anew subscribe one after the other: what they want is told at once.
    await nextTurn()
    try {
      for (;;) {
        const { attributes, subscribers, wires } = this
        const device = this.context.registration(this.endpoint)
        if (device === undefined || wires.length === 0 || subscribers.empty) return
        if (this.opening !== undefined || !this.context.ready()) return
        const wanted = attributes.wanted(subscribers.demands, device)
        if (!attributes.differs(wanted)) return
        if (attributes.inQuery) {
          await this.replace(device)
          return
        }
        await attributes.write(wanted, device)
        if (wires !== this.wires) return
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
    const { wires } = this
    this.wires = []
    this.left = []
    await Promise.allSettled(wires.map((wire) => wire.cancel(device)))
    await this.establish()
  }

  private fail(error: unknown): void {
    const coded = error instanceof CodedError ? error : new CodedError('internal', String(error))
    this.stopRetry()
    this.retry = retryWhen(coded)
    if (this.retry === 'later') {
      this.retryTimer = this.context.clock.after(backOff(++this.failures), () => {
        this.retryTimer = undefined
        this.attempt()
      })
    }
    // Ended by a new registration, a de-registration or the stop of the server: no fault.
    if (coded.code !== 'cancelled') this.subscribers.error(coded)
  }

  private stopRetry(): void {
    this.retry = undefined
    this.context.clock.cancel(this.retryTimer)
    this.retryTimer = undefined
  }
}
