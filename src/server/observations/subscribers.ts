import type { CodedError } from '../../base/coded-error'
import type { Scheduler } from '../../base/scheduler'
import type { ValueReport } from '../types'
import { CriteriaFilter } from './criteria-filter'
import type { AttributeRequest } from './merged-attributes'
import type { BrokerSubscription } from './subscription'

/** Values kept while nobody listens. */
const MISSED = 100

/** The subscriptions of one observation: each is given the values that its criteria let through. */
export class Subscribers {
  private readonly subscriptions: BrokerSubscription[] = []
  /** Of those with criteria. */
  private filters: Map<BrokerSubscription, CriteriaFilter> | undefined
  /** For who comes late: what came last, and before it what came while nobody listened. */
  private recent: ValueReport[] = []
  /** Changes with {@link recent}. */
  private version = 0
  private trimming = false
  private active = false

  /** @param onChange told when the subscriptions have changed, and there are some */
  constructor(
    private readonly endpoint: string,
    private readonly scheduler: Scheduler,
    private readonly onChange: () => void,
  ) {}

  get empty(): boolean {
    return this.subscriptions.length === 0
  }

  /** The criteria and attributes that each asks for. */
  get requests(): readonly AttributeRequest[] {
    return this.subscriptions.map((subscription) => subscription.request)
  }

  /** The Content-Format that the first who cares asked for. */
  get format(): number | undefined {
    for (const { request } of this.subscriptions) {
      if (request.format !== undefined) return request.format
    }
    return undefined
  }

  add(subscription: BrokerSubscription): void {
    if (this.subscriptions.includes(subscription)) return
    this.subscriptions.push(subscription)
    if (subscription.criteria !== undefined) {
      const filter = new CriteriaFilter(subscription.criteria, this.scheduler, (report) =>
        subscription.value(report),
      )
      this.filters ??= new Map()
      this.filters.set(subscription, filter)
    }
    if (this.active) subscription.count(1)
    if (this.recent.length > 0) this.catchUp(subscription)
    this.onChange()
  }

  /** Answers false where the subscription was none of these. */
  remove(subscription: BrokerSubscription): boolean {
    const index = this.subscriptions.indexOf(subscription)
    if (index < 0) return false
    this.subscriptions.splice(index, 1)
    this.filters?.get(subscription)?.close()
    this.filters?.delete(subscription)
    if (this.active) subscription.count(-1)
    if (!this.empty) this.onChange()
    return true
  }

  clear(): void {
    for (const subscription of [...this.subscriptions]) this.remove(subscription)
  }

  /** A new registration: the first value is news to everybody, and nothing older counts. */
  reset(): void {
    this.setRecent([])
    for (const filter of this.filters?.values() ?? []) filter.reset()
  }

  /** Whether the device is observed now. */
  setActive(active: boolean): void {
    if (this.active === active) return
    this.active = active
    for (const subscription of this.subscriptions) subscription.count(active ? 1 : -1)
  }

  /** Gives the values of one moment to all. */
  deliver(report: ValueReport): void {
    const { recent, subscriptions } = this
    this.version++
    if (subscriptions.length === 0) {
      recent.push(report)
      if (recent.length > MISSED) recent.shift()
      return
    }
    if (recent.length > 1) recent.length = 1
    recent[0] = report
    const [first] = subscriptions
    if (subscriptions.length === 1 && first !== undefined) this.offer(first, report)
    else for (const subscription of [...subscriptions]) this.offer(subscription, report)
  }

  /** Gives one subscriber a value, if its criteria let it through. */
  offer(subscription: BrokerSubscription, report: ValueReport): void {
    const filter = this.filters?.get(subscription)
    if (filter === undefined) subscription.value(report)
    else filter.offer(report)
  }

  error(error: CodedError): void {
    for (const subscription of [...this.subscriptions]) subscription.error(this.endpoint, error)
  }

  /** Not before `observe` has returned the subscription; unless a newer value was faster. */
  private catchUp(subscription: BrokerSubscription): void {
    const { version } = this
    const reports = [...this.recent]
    this.scheduler.microtask(() => {
      if (this.version !== version || !this.subscriptions.includes(subscription)) return
      for (const report of reports) this.offer(subscription, report)
    })
    if (reports.length > 1) this.trim()
  }

  /** Those who were made anew together have all been given what came meanwhile: it is news no more. */
  private trim(): void {
    if (this.trimming) return
    this.trimming = true
    this.scheduler.soon(() => {
      this.trimming = false
      if (!this.empty) this.setRecent(this.recent.slice(-1))
    })
  }

  private setRecent(recent: ValueReport[]): void {
    this.recent = recent
    this.version++
  }
}
