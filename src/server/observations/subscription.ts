import { settle } from '../../base/guard'
import type { CodedError } from '../../base/coded-error'
import { isPattern, matchesPattern } from '../endpoint-pattern'
import type {
  ObserveCriteria,
  ObserveListener,
  ObserveRequest,
  OperationResult,
  Registration,
  Subscription,
} from '../types'
import { isVoid } from './criteria'
import type { ObservePlan } from './observe-plan'

/** Told when a subscription ends, and of listeners that throw. */
export interface SubscriptionHost {
  onClosed(subscription: BrokerSubscription): void
  onReleased(subscription: BrokerSubscription): void
  readonly onListenerError: (error: unknown) => void
  /** Calls back when the code that runs now has come to its end. */
  readonly microtask: (callback: () => void) => void
}

/** One wish to observe: an endpoint or a pattern, what of it, and who listens. */
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
    private readonly host: SubscriptionHost,
  ) {
    this.target = request.target
    this.pattern = isPattern(request.target)
    this.criteria = isVoid(request.criteria) ? undefined : request.criteria
  }

  matches(endpoint: string): boolean {
    return this.pattern ? matchesPattern(this.target, endpoint) : this.target === endpoint
  }

  value(result: OperationResult, registration: Registration): void {
    if (this.closed) return
    try {
      settle(this.listener.onValue(result, registration), this.host.onListenerError)
    } catch (error) {
      this.host.onListenerError(error)
    }
  }

  error(endpoint: string, error: CodedError): void {
    if (this.closed) return
    try {
      settle(this.listener.onError?.(endpoint, error), this.host.onListenerError)
    } catch (thrown) {
      this.host.onListenerError(thrown)
    }
  }

  /** One more (1) or one less (-1) device is observed; the listener is told the sum once a turn. */
  count(change: 1 | -1): void {
    this.active += change
    if (this.counting || this.listener.onCount === undefined) return
    this.counting = true
    this.host.microtask(() => {
      this.counting = false
      if (this.closed) return
      try {
        settle(this.listener.onCount?.(this.active), this.host.onListenerError)
      } catch (error) {
        this.host.onListenerError(error)
      }
    })
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.host.onClosed(this)
  }

  release(): void {
    if (this.closed) return
    this.closed = true
    this.host.onReleased(this)
  }
}
