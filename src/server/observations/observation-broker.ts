import type { Scheduler } from '../../base/scheduler'
import type {
  CoapRequestInit,
  ObserveListener as CoapObserver,
  ObserveRelation,
} from '../../coap/types'
import { checkAttributes } from '../../lwm2m/attributes'
import type { ObjectModel } from '../../lwm2m/model/definition'
import type { DeviceFormat } from '../operations/content-format'
import type { RequestChannel } from '../operations/device-request'
import { invalidArgument } from '../operations/preconditions'
import { WarningLimiter } from '../operations/warning-limiter'
import type {
  ObserveListener,
  ObserveRequest,
  OperationResult,
  Registration,
  ServerWarning,
  Subscription,
} from '../types'
import type { ValueStream } from '../values/value-stream'
import { checkCriteria } from './criteria'
import { ObservePlan } from './observe-plan'
import { DeviceObservation } from './device-observation'
import type { ObservationContext } from './observation-context'
import { ObservationKeeper } from './observation-keeper'
import type { ObservationStore, StoredObservation } from './observation-store'
import { BrokerSubscription } from './subscription'
import { SubscriptionIndex } from './subscription-index'
import { UnsubscribedObservations } from './unsubscribed-observations'

/** What the broker needs of the server. */
export interface ObservationHost {
  readonly clock: Scheduler
  readonly model: ObjectModel
  readonly relations?: ObservationStore
  /** The Content-Format set for an endpoint. */
  readonly deviceFormat: (endpoint: string) => DeviceFormat | undefined
  registration(endpoint: string): Registration | undefined
  readonly values: ValueStream
  /** The present registrations, for a new subscription to a pattern. */
  registrations(): Iterable<Registration>
  channel(registration: Registration): RequestChannel
  /** `CoapEndpoint.adopt` of the endpoint this device speaks through. */
  adopt(
    registration: Registration,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: CoapObserver,
  ): ObserveRelation
  warn(warning: ServerWarning): void
}

/** Devices that a new pattern is applied to before the event loop gets its turn. */
const SLICE = 200

/**
 * Wanted observations, and what of them is on the wire: one relation for each device and path (or
 * set of paths), however many subscribe. Wishes outlive refusals, registrations and devices.
 */
export class ObservationBroker {
  private readonly wishes = new SubscriptionIndex()
  /** By endpoint, then by {@link ObservePlan.key}. */
  private readonly relations = new Map<string, Map<string, DeviceObservation>>()
  private readonly keeper: ObservationKeeper
  private readonly context: ObservationContext
  private readonly unwanted: UnsubscribedObservations
  /** False from {@link restore} to {@link onStarted}: nothing can be sent yet. */
  private ready = true
  private stopped = false

  constructor(private readonly host: ObservationHost) {
    this.keeper = new ObservationKeeper(host.relations, (warning) => host.warn(warning))
    this.context = makeContext(host, this.keeper, () => this.ready)
    this.unwanted = new UnsubscribedObservations(host.clock, (relation) => this.end(relation))
  }

  /**
   * Takes up the observations that were kept. Call it once, after the registrations are restored and
   * before the ports are bound, so that no notification is answered RST. What nobody has subscribed
   * to a minute after {@link onStarted} is cancelled.
   * @throws StoreError
   */
  async restore(): Promise<void> {
    this.ready = false
    const plans = new Map<string, ObservePlan>()
    for await (const stored of this.keeper.list()) {
      let plan = plans.get(stored.key)
      if (plan === undefined) {
        plan = this.wishes.shared(ObservePlan.of(stored.key.split(',')))
        plans.set(stored.key, plan)
      }
      this.takeUp(stored, plan)
    }
    for (const subscription of this.wishes.all()) this.apply(subscription)
  }

  /** The ports are bound: devices can be asked. Call it after {@link restore}. */
  onStarted(): void {
    if (this.ready) return
    this.ready = true
    for (const relations of this.relations.values()) {
      for (const relation of relations.values()) {
        if (relation.subscribers.empty) this.unwanted.add(relation)
        else relation.reconsider()
      }
    }
  }

  /**
   * Wants an observation, now and after each registration, until the subscription is closed.
   * @throws PathError, AttributeError, OperationError `invalid-argument`
   */
  observe(request: ObserveRequest, listener: ObserveListener): Subscription {
    if (request.target === '') throw invalidArgument('observe needs an endpoint or a pattern')
    if (request.criteria !== undefined) checkCriteria(request.criteria)
    const plan = this.wishes.shared(ObservePlan.of(request.paths))
    if (request.attributes !== undefined) {
      checkAttributes(request.attributes, { version: '1.2', level: plan.base.level })
    }
    const subscription = new BrokerSubscription(request, plan, listener, {
      onClosed: (closed) => this.leave(closed, (relation) => this.end(relation)),
      onReleased: (released) => this.leave(released, (relation) => this.unwanted.add(relation)),
      onListenerError: (error) => this.listenerFailed(error),
      microtask: (callback) => this.host.clock.microtask(callback),
    })
    this.wishes.add(subscription)
    this.apply(subscription)
    return subscription
  }

  /** After the 2.01 was sent: the old relations are over, the wanted ones are made again. */
  onRegistered(device: Registration): void {
    const { endpoint } = device
    const existing = this.relations.get(endpoint)
    for (const relation of existing?.values() ?? []) relation.drop()
    for (const subscription of this.wishes.matching(endpoint)) {
      const relation = this.relationFor(subscription, device)
      relation?.subscribers.add(subscription)
    }
    for (const [key, relation] of existing ?? []) {
      // Wished for by pattern only, and the device does not have it any more.
      if (!this.isWanted(relation, device)) this.remove(endpoint, key)
    }
    for (const relation of this.relations.get(endpoint)?.values() ?? []) relation.renew()
  }

  /** After the 2.04 to an Update that changed the objects: what appeared is observed where wanted. */
  onUpdated(device: Registration): void {
    for (const subscription of this.wishes.matching(device.endpoint))
      this.want(subscription, device)
  }

  /** De-registered or expired. */
  onGone(endpoint: string): void {
    for (const key of [...(this.relations.get(endpoint)?.keys() ?? [])]) this.remove(endpoint, key)
  }

  /** A queue-mode device woke. */
  onAwake(device: Registration): void {
    for (const relation of this.relations.get(device.endpoint)?.values() ?? []) relation.wake()
  }

  /**
   * A device has another address or association: what it observed for the old one it may have
   * forgotten, and what could not be asked of it there can now.
   */
  onMoved(device: Registration): void {
    for (const relation of this.relations.get(device.endpoint)?.values() ?? []) relation.moved()
  }

  /** Values of a Send, for subscribers with `includeSend`. */
  onSend(device: Registration, result: OperationResult): void {
    for (const subscription of this.wishes.matching(device.endpoint)) {
      if (subscription.request.includeSend !== true) continue
      const { plan } = subscription
      const subscribers = this.relations.get(device.endpoint)?.get(plan.key)?.subscribers
      const records = result.records.filter(({ path }) =>
        plan.paths.some((wanted) => wanted.contains(path)),
      )
      if (records.length === 0) continue
      const own: OperationResult = { ...result, path: plan.base, records }
      if (subscribers === undefined) subscription.value(own, device)
      else subscribers.offer(subscription, own)
    }
  }

  /** Ends without a message to the devices: their observations are taken up again after a restart. */
  stop(): void {
    this.stopped = true
    this.unwanted.clear()
    for (const relations of this.relations.values()) {
      for (const relation of relations.values()) {
        relation.drop()
        relation.subscribers.clear()
      }
    }
    this.relations.clear()
  }

  /** Observes what a subscription means of the devices that are registered now. */
  private apply(subscription: BrokerSubscription): void {
    if (subscription.pattern) {
      this.applyPattern(subscription, this.host.registrations()[Symbol.iterator]())
      return
    }
    const device = this.host.registration(subscription.target)
    if (device !== undefined) this.want(subscription, device)
  }

  /** Goes through the devices in slices, so that a hundred thousand do not hold up the rest. */
  private applyPattern(subscription: BrokerSubscription, devices: Iterator<Registration>): void {
    for (let i = 0; i < SLICE; i++) {
      const next = devices.next()
      if (next.done === true) return
      if (subscription.matches(next.value.endpoint)) this.want(subscription, next.value)
    }
    this.host.clock.soon(() => {
      if (!subscription.closed && !this.stopped) this.applyPattern(subscription, devices)
    })
  }

  private want(subscription: BrokerSubscription, device: Registration): void {
    const relation = this.relationFor(subscription, device)
    if (relation === undefined) return
    relation.subscribers.add(subscription)
    relation.reconsider()
  }

  /** A pattern means the devices that have what it asks for; a name means that device. */
  private relationFor(
    subscription: BrokerSubscription,
    device: Registration,
  ): DeviceObservation | undefined {
    const { plan } = subscription
    if (subscription.pattern && !plan.appliesTo(device)) return undefined
    const existing = this.relations.get(device.endpoint)?.get(plan.key)
    return existing ?? this.makeRelation(device.endpoint, plan)
  }

  private makeRelation(endpoint: string, plan: ObservePlan): DeviceObservation {
    let relations = this.relations.get(endpoint)
    if (relations === undefined) this.relations.set(endpoint, (relations = new Map()))
    const relation = new DeviceObservation(endpoint, plan, this.context)
    relations.set(plan.key, relation)
    return relation
  }

  /** Goes on with an observation made before a restart, wanted or not: that will show. */
  private takeUp(stored: StoredObservation, plan: ObservePlan): void {
    const { endpoint, key } = stored
    const device = this.host.registration(endpoint)
    if (device === undefined || device.id !== stored.registrationId) {
      this.keeper.forget(endpoint, key)
      return
    }
    const relation = this.makeRelation(endpoint, plan)
    try {
      relation.adopt(stored, device)
    } catch (error) {
      // Its peer is not served any more, or what was kept is no relation: made anew where wanted.
      this.remove(endpoint, key)
      this.host.warn({
        code: 'not-restored',
        message: `an observation of ${key} could not be taken up: ${String(error)}`,
        endpoint,
      })
    }
  }

  private isWanted(relation: DeviceObservation, device: Registration): boolean {
    for (const subscription of this.wishes.matching(device.endpoint)) {
      if (subscription.plan.key !== relation.plan.key) continue
      if (!subscription.pattern || relation.plan.appliesTo(device)) return true
    }
    return false
  }

  /** @param abandoned told of each relation that nobody listens to any more */
  private leave(
    subscription: BrokerSubscription,
    abandoned: (relation: DeviceObservation) => void,
  ): void {
    this.wishes.delete(subscription)
    if (this.stopped) return
    const { key } = subscription.plan
    const endpoints = subscription.pattern ? [...this.relations.keys()] : [subscription.target]
    for (const endpoint of endpoints) {
      const relation = this.relations.get(endpoint)?.get(key)
      if (relation?.subscribers.remove(subscription) === true && relation.subscribers.empty) {
        abandoned(relation)
      }
    }
  }

  /** Ends a relation that nobody wants; the device is told. */
  private end(relation: DeviceObservation): void {
    const { endpoint, plan } = relation
    if (this.relations.get(endpoint)?.get(plan.key) !== relation) return
    this.detach(endpoint, plan.key)
    this.host.clock.detach('cancelling an observation', relation.cancel())
  }

  /** Forgets a relation of a device that is gone. */
  private remove(endpoint: string, key: string): void {
    const relation = this.relations.get(endpoint)?.get(key)
    relation?.drop()
    relation?.subscribers.clear()
    this.detach(endpoint, key)
    this.keeper.forget(endpoint, key)
  }

  private detach(endpoint: string, key: string): void {
    const relations = this.relations.get(endpoint)
    relations?.delete(key)
    if (relations?.size === 0) this.relations.delete(endpoint)
  }

  private listenerFailed(error: unknown): void {
    this.host.warn({
      code: 'listener-failed',
      message: `a listener of an observation threw: ${String(error)}`,
    })
  }
}

function makeContext(
  host: ObservationHost,
  keeper: ObservationKeeper,
  ready: () => boolean,
): ObservationContext {
  const limiter = new WarningLimiter(host.clock)
  const warnAlways = (warning: ServerWarning): void => host.warn(warning)
  const warn = limiter.limit(warnAlways)
  return {
    clock: host.clock,
    ready,
    registration: (endpoint) => host.registration(endpoint),
    values: host.values,
    channel: (registration) => host.channel(registration),
    adopt: (registration, init, token, listener) => host.adopt(registration, init, token, listener),
    operation: (format) => ({
      model: host.model,
      now: host.clock.now(),
      format,
      deviceFormat: host.deviceFormat,
      warn,
    }),
    keep: (relation) => keeper.keep(relation),
    forget: (endpoint, key) => keeper.forget(endpoint, key),
    warn,
    warnAlways,
  }
}
