import { settle } from '../../base/guard'
import type { CodedError } from '../../base/coded-error'
import type { Scheduler } from '../../base/scheduler'
import { isPattern, matchesPattern } from '../endpoint-pattern'
import type {
  ObserveCriteria,
  ObserveListener,
  ObserveRequest,
  Subscription,
  ValueReport,
} from '../types'
import { isVoid } from './criteria'
import type { ObservePlan } from './observe-plan'

/** Told when a subscription ends, and of listeners that throw. */
export interface SubscriptionOwner {
  readonly scheduler: Scheduler
  onClosed(subscription: BrokerSubscription): void
  onReleased(subscription: BrokerSubscription): void
  readonly onListenerError: (error: unknown) => void
}

/** A subscription: an endpoint or a pattern, what of it, and who is told. */
export class BrokerSubscription implements Subscription {
  readonly target: string
  readonly pattern: boolean
  /** Undefined where everything is wanted. */
  readonly criteria: ObserveCriteria | undefined
  private active = 0
  private counting = false
  closed = false

  constructor(
    readonly request: ObserveRequest,
    readonly plan: ObservePlan,
    private readonly listener: ObserveListener,
    private readonly owner: SubscriptionOwner,
  ) {
    this.target = request.target
    this.pattern = isPattern(request.target)
    this.criteria = isVoid(request.criteria) ? undefined : request.criteria
  }

  matches(endpoint: string): boolean {
    return this.pattern ? matchesPattern(this.target, endpoint) : this.target === endpoint
  }

  value(report: ValueReport): void {
    if (this.closed) return
    const { onListenerError } = this.owner
    try {
      settle(this.listener.onValue(report, report.registration), onListenerError)
    } catch (error) {
      onListenerError(error)
    }
  }

  error(endpoint: string, error: CodedError): void {
    if (this.closed) return
    const { onListenerError } = this.owner
    try {
      settle(this.listener.onError?.(endpoint, error), onListenerError)
    } catch (thrown) {
      onListenerError(thrown)
    }
  }

  /** One more (1) or one less (-1) device is observed; the listener is told the sum once a turn. */
  count(change: 1 | -1): void {
    this.active += change
    if (this.counting || this.listener.onCount === undefined) return
    this.counting = true
    const { onListenerError, scheduler } = this.owner
    scheduler.microtask(() => {
      this.counting = false
      if (this.closed) return
      try {
        settle(this.listener.onCount?.(this.active), onListenerError)
      } catch (error) {
        onListenerError(error)
      }
    })
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.owner.onClosed(this)
  }

  release(): void {
    if (this.closed) return
    this.closed = true
    this.owner.onReleased(this)
  }
}
