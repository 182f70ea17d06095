import { isDeepStrictEqual } from 'node:util'
import { CodedError } from '../../../src/base/coded-error'
import type {
  Lwm2mServer,
  ObserveRequest,
  OperationResult,
  Registration,
  Subscription,
} from '../../../src'
import { Feed } from '../runtime/feed'
import type { Parked } from '../server/handover'
import {
  observeRequest,
  type NodeSubscription,
  type SubscriptionDefaults,
  subscriptionKey,
} from './subscription'

/** Told of the first outcome of a new subscription, in place of the flow; then forgotten. */
export interface FirstOutcome {
  onValue(result: OperationResult): void
  /** The subscription is given up. */
  onError(error: CodedError): void
}

/** What comes of a subscription. */
export type Report = { readonly subscription: NodeSubscription } & (
  | {
      readonly server: Lwm2mServer
      readonly result: OperationResult
      readonly registration: Registration
    }
  | { readonly endpoint: string; readonly error: unknown }
)

interface Active {
  readonly subscription: NodeSubscription
  first: FirstOutcome | undefined
  request: ObserveRequest | undefined
  observing: Subscription | undefined
  /** Devices observed for it now. */
  count: number
}

/** Tells who still waits for the first outcome that there will be none. */
function giveUp(active: Active, why: string): void {
  const { first } = active
  active.first = undefined
  first?.onError(new CodedError('cancelled', why))
}

/**
 * The subscriptions of one node. They outlive the node when a deploy makes it anew: what devices report
 * in between is kept for its next self, so that none is lost and none comes twice.
 */
export class NodeSubscriptions implements Parked {
  readonly reports = new Feed<Report>()
  /** Called when the number of observed devices may have changed. */
  onCount: () => void = () => {}
  /** Whether the subscriptions that were kept with the server are among these. */
  restored = false
  private readonly active = new Map<string, Active>()
  private server: Lwm2mServer | undefined

  /** @param defaults what all subscriptions have in common */
  constructor(private defaults: SubscriptionDefaults) {}

  /** The node has, perhaps, other defaults now; they take effect with {@link attach}. */
  configure(defaults: SubscriptionDefaults): void {
    this.defaults = defaults
  }

  get all(): NodeSubscription[] {
    return [...this.active.values()].map(({ subscription }) => subscription)
  }

  has(subscription: NodeSubscription): boolean {
    return this.active.has(subscriptionKey(subscription))
  }

  /** The most devices that are observed for one subscription. */
  get devices(): number {
    let devices = 0
    for (const { count } of this.active.values()) devices = Math.max(devices, count)
    return devices
  }

  /** Whether anything is observed for a subscription whose first outcome is still awaited. */
  awaits(subscription: NodeSubscription, first: FirstOutcome): boolean {
    const active = this.active.get(subscriptionKey(subscription))
    return active?.first === first && active.count > 0
  }

  /** Takes back who awaits the first outcome of a subscription; false where somebody else was faster. */
  withdraw(subscription: NodeSubscription, first: FirstOutcome): boolean {
    const active = this.active.get(subscriptionKey(subscription))
    if (active?.first !== first) return false
    active.first = undefined
    return true
  }

  /** Adds a subscription; one of the same target and paths is replaced. @throws what `observe` throws */
  add(subscription: NodeSubscription, first?: FirstOutcome): void {
    const key = subscriptionKey(subscription)
    const former = this.active.get(key)
    former?.observing?.close()
    if (former !== undefined) giveUp(former, 'another request observes the same')
    const active: Active = {
      subscription,
      first,
      request: undefined,
      observing: undefined,
      count: 0,
    }
    this.active.set(key, active)
    try {
      if (this.server !== undefined) this.begin(this.server, active)
    } catch (error) {
      this.active.delete(key)
      throw error
    }
  }

  /** Ends the subscriptions that `matches` picks. Answers how many. */
  remove(matches: (subscription: NodeSubscription) => boolean): number {
    let removed = 0
    for (const [key, active] of this.active) {
      if (!matches(active.subscription)) continue
      active.observing?.close()
      this.active.delete(key)
      giveUp(active, 'the observation was cancelled')
      removed++
    }
    return removed
  }

  /** Makes all subscriptions true on a server that runs; those that are, as they should be, stay. */
  attach(server: Lwm2mServer): void {
    const same = this.server === server
    if (!same) this.detach('release')
    this.server = server
    for (const active of this.active.values()) {
      const former = active.observing
      if (
        same &&
        isDeepStrictEqual(active.request, observeRequest(active.subscription, this.defaults))
      ) {
        continue
      }
      try {
        this.begin(server, active)
      } catch (error) {
        this.reports.push({
          subscription: active.subscription,
          endpoint: active.subscription.target,
          error,
        })
      }
      // Not before the new one: the device would be told that nobody observes any more.
      former?.release()
    }
  }

  /** @param how `release`: the node, or the server, is just being made anew */
  detach(how: 'close' | 'release'): void {
    this.server = undefined
    for (const active of this.active.values()) {
      active.observing?.[how]()
      active.observing = undefined
      active.request = undefined
      active.count = 0
    }
  }

  abandon(): void {
    this.detach('release')
  }

  private begin(server: Lwm2mServer, active: Active): void {
    const { subscription } = active
    const { reports } = this
    active.count = 0
    active.request = observeRequest(subscription, this.defaults)
    active.observing = server.observe(active.request, {
      onValue: (result, registration) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) reports.push({ subscription, server, result, registration })
        else first.onValue(result)
      },
      onError: (endpoint, error) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) return reports.push({ subscription, endpoint, error })
        this.remove((one) => one === subscription)
        first.onError(error)
      },
      onCount: (count) => {
        active.count = count
        this.onCount()
      },
    })
  }
}
