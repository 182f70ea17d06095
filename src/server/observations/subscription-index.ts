import type { ObservePlan } from './observe-plan'
import type { BrokerSubscription } from './subscription'

/** The subscriptions by whom they are about: found for one endpoint without looking at all. */
export class SubscriptionIndex {
  private readonly exact = new Map<string, Set<BrokerSubscription>>()
  private readonly patterns = new Set<BrokerSubscription>()
  /** Plans in use, so that equal ones are one object. */
  private readonly plans = new Map<string, { readonly plan: ObservePlan; users: number }>()

  /** The plan in use that equals `plan`, or that itself. */
  shared(plan: ObservePlan): ObservePlan {
    return this.plans.get(plan.key)?.plan ?? plan
  }

  add(subscription: BrokerSubscription): void {
    const { plan, target } = subscription
    const used = this.plans.get(plan.key)
    if (used === undefined) this.plans.set(plan.key, { plan, users: 1 })
    else used.users++
    if (subscription.pattern) {
      this.patterns.add(subscription)
      return
    }
    const set = this.exact.get(target)
    if (set === undefined) this.exact.set(target, new Set([subscription]))
    else set.add(subscription)
  }

  delete(subscription: BrokerSubscription): void {
    const { plan, target } = subscription
    const used = this.plans.get(plan.key)
    if (used !== undefined && --used.users === 0) this.plans.delete(plan.key)
    this.patterns.delete(subscription)
    const set = this.exact.get(target)
    set?.delete(subscription)
    if (set?.size === 0) this.exact.delete(target)
  }

  *all(): Iterable<BrokerSubscription> {
    for (const set of this.exact.values()) yield* set
    yield* this.patterns
  }

  /** Those that mean an endpoint. */
  *matching(endpoint: string): Iterable<BrokerSubscription> {
    yield* this.exact.get(endpoint) ?? []
    for (const subscription of this.patterns) {
      if (subscription.matches(endpoint)) yield subscription
    }
  }
}
