import type { Scheduler } from '../../base/scheduler'
import { checkAttributes } from '../../lwm2m/attributes'
import type { OperationContexts } from '../operations/operation-contexts'
import { invalidArgument } from '../operations/preconditions'
import type {
  ObserveListener,
  ObserveRequest,
  Registration,
  ServerWarning,
  Subscription,
  ValueReport,
} from '../types'
import type { ValueCounters } from '../values/value-counters'
import type { ValueStream } from '../values/value-stream'
import { checkCriteria } from './criteria'
import { DeviceObservation } from './device-observation'
import { ObservationKeeper } from './observation-keeper'
import { type ObservableDevices, ObservationParts } from './observation-parts'
import type { ObservationStore, StoredObservation } from './observation-store'
import { ObservePlan } from './observe-plan'
import { BrokerSubscription, type SubscriptionOwner } from './subscription'
import { SubscriptionIndex } from './subscription-index'
import { UnsubscribedObservations } from './unsubscribed-observations'

/** Devices that a new pattern is applied to before the event loop gets its turn. */
const SLICE = 200

/**
 * Subscriptions, and the observations made for them: one for each device and path (or set of paths),
 * however many subscribe. Subscriptions outlive refusals, registrations and devices.
 */
export class ObservationBroker implements SubscriptionOwner {
  private readonly subscriptions = new SubscriptionIndex()
  /** By endpoint, then by {@link ObservePlan.key}. */
  private readonly observations = new Map<string, Map<string, DeviceObservation>>()
  private readonly keeper: ObservationKeeper
  private readonly parts: ObservationParts
  private readonly unsubscribed: UnsubscribedObservations
  private stopped = false

  /**
   * @param values told of what devices answer and notify
   * @param store where observations are kept over a restart
   */
  constructor(
    readonly scheduler: Scheduler,
    private readonly devices: ObservableDevices,
    contexts: OperationContexts,
    values: ValueStream,
    counters: ValueCounters,
    store: ObservationStore | undefined,
    private readonly warn: (warning: ServerWarning) => void,
  ) {
    this.keeper = new ObservationKeeper(store, warn)
    this.parts = new ObservationParts(
      scheduler,
      devices,
      contexts,
      values,
      counters,
      this.keeper,
      warn,
    )
    this.unsubscribed = new UnsubscribedObservations(scheduler, (observation) =>
      this.end(observation),
    )
  }

  /**
   * Takes up the observations that were kept. Call it once, after the registrations are restored and
   * before the ports are bound, so that no notification is answered RST. What nobody has subscribed
   * to a minute after {@link onStarted} is cancelled.
   * @throws StoreError
   */
  async restore(): Promise<void> {
    this.parts.ready = false
    const plans = new Map<string, ObservePlan>()
    for await (const stored of this.keeper.list()) {
      let plan = plans.get(stored.key)
      if (plan === undefined) {
        plan = this.subscriptions.shared(ObservePlan.of(stored.key.split(',')))
        plans.set(stored.key, plan)
      }
      this.takeUp(stored, plan)
    }
    for (const subscription of this.subscriptions.all()) this.apply(subscription)
  }

  /** The ports are bound: devices can be asked. Call it after {@link restore}. */
  onStarted(): void {
    if (this.parts.ready) return
    this.parts.ready = true
    for (const observations of this.observations.values()) {
      for (const observation of observations.values()) {
        if (observation.subscribers.empty) this.unsubscribed.add(observation)
        else observation.reconsider()
      }
    }
  }

  /**
   * Observes, now and after each registration, until the subscription is closed.
   * @throws PathError, AttributeError, OperationError `invalid-argument`
   */
  observe(request: ObserveRequest, listener: ObserveListener): Subscription {
    if (request.target === '') throw invalidArgument('observe needs an endpoint or a pattern')
    if (request.criteria !== undefined) checkCriteria(request.criteria)
    const plan = this.subscriptions.shared(ObservePlan.of(request.paths))
    if (request.attributes !== undefined) {
      checkAttributes(request.attributes, { version: '1.2', level: plan.base.level })
    }
    const subscription = new BrokerSubscription(request, plan, listener, this)
    this.subscriptions.add(subscription)
    this.apply(subscription)
    return subscription
  }

  onClosed(subscription: BrokerSubscription): void {
    this.leave(subscription, (observation) => this.end(observation))
  }

  onReleased(subscription: BrokerSubscription): void {
    this.leave(subscription, (observation) => this.unsubscribed.add(observation))
  }

  readonly onListenerError = (error: unknown): void => {
    this.warn({
      code: 'listener-failed',
      message: `a listener of an observation threw: ${String(error)}`,
    })
  }

  /** After the 2.01 was sent: the old observations are over, those subscribed to are made again. */
  onRegistered(device: Registration): void {
    const { endpoint } = device
    const existing = this.observations.get(endpoint)
    for (const observation of existing?.values() ?? []) observation.drop()
    for (const subscription of this.subscriptions.matching(endpoint)) {
      const observation = this.observationFor(subscription, device)
      observation?.subscribers.add(subscription)
    }
    for (const [key, observation] of existing ?? []) {
      // Subscribed to by pattern only, and the device does not have it any more.
      if (!this.isSubscribed(observation, device)) this.remove(endpoint, key)
    }
    for (const observation of this.observations.get(endpoint)?.values() ?? []) observation.renew()
  }

  /** After the 2.04 to an Update that changed the objects: what appeared is observed where subscribed to. */
  onUpdated(device: Registration): void {
    for (const subscription of this.subscriptions.matching(device.endpoint))
      this.observeOn(subscription, device)
  }

  /** De-registered or expired. */
  onGone(endpoint: string): void {
    for (const key of [...(this.observations.get(endpoint)?.keys() ?? [])])
      this.remove(endpoint, key)
  }

  /** A queue-mode device woke. */
  onAwake(device: Registration): void {
    for (const observation of this.observations.get(device.endpoint)?.values() ?? [])
      observation.onAwake()
  }

  /**
   * A device has another address or association: what it observed for the old one it may have
   * forgotten, and what could not be asked of it there can now.
   */
  onMoved(device: Registration): void {
    for (const observation of this.observations.get(device.endpoint)?.values() ?? [])
      observation.onMoved()
  }

  /** Values of a Send, for subscribers with `includeSend`. */
  onSend(report: ValueReport): void {
    const { endpoint } = report
    for (const subscription of this.subscriptions.matching(endpoint)) {
      if (subscription.request.includeSend !== true) continue
      const { plan } = subscription
      const subscribers = this.observations.get(endpoint)?.get(plan.key)?.subscribers
      const records = report.records.filter(({ path }) =>
        plan.paths.some((observed) => observed.contains(path)),
      )
      if (records.length === 0) continue
      const own: ValueReport = { ...report, path: plan.base, records }
      if (subscribers === undefined) subscription.value(own)
      else subscribers.offer(subscription, own)
    }
  }

  /** Ends without a message to the devices: their observations are taken up again after a restart. */
  stop(): void {
    this.stopped = true
    this.unsubscribed.clear()
    for (const observations of this.observations.values()) {
      for (const observation of observations.values()) {
        observation.drop()
        observation.subscribers.clear()
      }
    }
    this.observations.clear()
  }

  /** Observes what a subscription means of the devices that are registered now. */
  private apply(subscription: BrokerSubscription): void {
    if (subscription.pattern) {
      this.applyPattern(subscription, this.devices.registrations()[Symbol.iterator]())
      return
    }
    const device = this.devices.registration(subscription.target)
    if (device !== undefined) this.observeOn(subscription, device)
  }

  /** Goes through the devices in slices, so that a hundred thousand do not hold up the rest. */
  private applyPattern(subscription: BrokerSubscription, devices: Iterator<Registration>): void {
    for (let i = 0; i < SLICE; i++) {
      const next = devices.next()
      if (next.done === true) return
      if (subscription.matches(next.value.endpoint)) this.observeOn(subscription, next.value)
    }
    this.scheduler.soon(() => {
      if (!subscription.closed && !this.stopped) this.applyPattern(subscription, devices)
    })
  }

  private observeOn(subscription: BrokerSubscription, device: Registration): void {
    const observation = this.observationFor(subscription, device)
    if (observation === undefined) return
    observation.subscribers.add(subscription)
    observation.reconsider()
  }

  /** A pattern means the devices that have what it asks for; a name means that device. */
  private observationFor(
    subscription: BrokerSubscription,
    device: Registration,
  ): DeviceObservation | undefined {
    const { plan } = subscription
    if (subscription.pattern && !plan.appliesTo(device)) return undefined
    const existing = this.observations.get(device.endpoint)?.get(plan.key)
    return existing ?? this.makeObservation(device.endpoint, plan)
  }

  private makeObservation(endpoint: string, plan: ObservePlan): DeviceObservation {
    let observations = this.observations.get(endpoint)
    if (observations === undefined) this.observations.set(endpoint, (observations = new Map()))
    const observation = new DeviceObservation(endpoint, plan, this.parts)
    observations.set(plan.key, observation)
    return observation
  }

  /** Goes on with an observation made before a restart; whether anybody subscribes will show. */
  private takeUp(stored: StoredObservation, plan: ObservePlan): void {
    const { endpoint, key } = stored
    const device = this.devices.registration(endpoint)
    if (device === undefined || device.id !== stored.registrationId) {
      this.keeper.forget(endpoint, key)
      return
    }
    const observation = this.makeObservation(endpoint, plan)
    try {
      observation.adopt(stored, device)
    } catch (error) {
      // Its peer is not served any more, or what was kept is no observation: made anew where subscribed to.
      this.remove(endpoint, key)
      this.warn({
        code: 'not-restored',
        message: `an observation of ${key} could not be taken up: ${String(error)}`,
        endpoint,
      })
    }
  }

  private isSubscribed(observation: DeviceObservation, device: Registration): boolean {
    for (const subscription of this.subscriptions.matching(device.endpoint)) {
      if (subscription.plan.key !== observation.plan.key) continue
      if (!subscription.pattern || observation.plan.appliesTo(device)) return true
    }
    return false
  }

  /** @param abandoned told of each observation that has no subscription any more */
  private leave(
    subscription: BrokerSubscription,
    abandoned: (observation: DeviceObservation) => void,
  ): void {
    this.subscriptions.delete(subscription)
    if (this.stopped) return
    const { key } = subscription.plan
    const endpoints = subscription.pattern ? [...this.observations.keys()] : [subscription.target]
    for (const endpoint of endpoints) {
      const observation = this.observations.get(endpoint)?.get(key)
      if (observation?.subscribers.remove(subscription) === true && observation.subscribers.empty) {
        abandoned(observation)
      }
    }
  }

  /** Ends an observation without subscription; the device is told. */
  private end(observation: DeviceObservation): void {
    const { endpoint, plan } = observation
    if (this.observations.get(endpoint)?.get(plan.key) !== observation) return
    this.detach(endpoint, plan.key)
    this.scheduler.detach('cancelling an observation', observation.cancel())
  }

  /** Forgets an observation of a device that is gone. */
  private remove(endpoint: string, key: string): void {
    const observation = this.observations.get(endpoint)?.get(key)
    observation?.drop()
    observation?.subscribers.clear()
    this.detach(endpoint, key)
    this.keeper.forget(endpoint, key)
  }

  private detach(endpoint: string, key: string): void {
    const observations = this.observations.get(endpoint)
    observations?.delete(key)
    if (observations?.size === 0) this.observations.delete(endpoint)
  }
}
