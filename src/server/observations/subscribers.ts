import { CodedError } from '../../base/coded-error'
import type { CoapResponse } from '../../coap/types'
import { DecodeError } from '../../lwm2m/formats/codec'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { decodeRecords } from '../operations/response'
import type { OperationResult } from '../types'
import { byTime } from '../values/by-time'
import { CriteriaFilter } from './criteria-filter'
import type { Demand } from './merged-attributes'
import type { ObservePlan } from './observe-plan'
import type { ObservationContext } from './observation-context'
import type { BrokerSubscription } from './subscription'

/** Values kept while nobody listens. */
const MISSED = 100

/** Who listens to one relation. Decodes once for all, and gives each what its criteria want. */
export class Subscribers {
  private readonly subscriptions: BrokerSubscription[] = []
  /** Of those with criteria. */
  private filters: Map<BrokerSubscription, CriteriaFilter> | undefined
  /** For who comes late: what came last, and before it what came while nobody listened. */
  private recent: readonly OperationResult[] = []
  private trimming = false
  private active = false

  constructor(
    private readonly endpoint: string,
    private readonly plan: ObservePlan,
    private readonly context: ObservationContext,
    /** Who listens has changed. */
    private readonly onChange: () => void,
  ) {}

  get empty(): boolean {
    return this.subscriptions.length === 0
  }

  /** What each wants of the device. */
  get demands(): readonly Demand[] {
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
      const filter = new CriteriaFilter(subscription.criteria, this.context.clock, (result) =>
        this.hand(subscription, result),
      )
      this.filters ??= new Map()
      this.filters.set(subscription, filter)
    }
    if (this.active) subscription.count(1)
    const { recent } = this
    if (recent.length > 0) {
      // Not before `observe` has returned the subscription; unless a newer value was faster.
      this.context.clock.microtask(() => {
        if (this.recent !== recent || !this.subscriptions.includes(subscription)) return
        for (const result of recent) this.offer(subscription, result)
      })
      if (recent.length > 1) this.trim()
    }
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

  /** Everybody leaves. */
  clear(): void {
    for (const subscription of [...this.subscriptions]) this.remove(subscription)
  }

  /** A new registration: the first value is news to everybody, and nothing older counts. */
  reset(): void {
    this.recent = []
    for (const filter of this.filters?.values() ?? []) filter.reset()
  }

  /** Whether the device is observed now. */
  setActive(active: boolean): void {
    if (this.active === active) return
    this.active = active
    for (const subscription of this.subscriptions) subscription.count(active ? 1 : -1)
  }

  /** @param format what a response without Content-Format means */
  receive(
    response: CoapResponse,
    base: Path,
    format: number | undefined,
    cause: 'first' | 'notify',
  ): void {
    const { context, endpoint } = this
    const device = context.registration(endpoint)
    if (device === undefined) return
    let records: readonly Record[]
    try {
      records = decodeRecords(response, base, device, context.operation(undefined), {
        expected: format,
        ...(base.level === Level.ROOT ? { asked: this.plan.paths } : {}),
      })
    } catch (error) {
      this.undecodable(error, base)
      return
    }
    const path = this.plan.base
    for (const moment of byTime(records)) {
      const result: OperationResult = {
        endpoint,
        path,
        code: response.code,
        format: response.contentFormat ?? format,
        records: moment.records,
      }
      context.values.report(cause, result, device)
      this.recent = this.empty ? [...this.recent.slice(1 - MISSED), result] : [result]
      const [first] = this.subscriptions
      if (this.subscriptions.length === 1 && first !== undefined) this.offer(first, result)
      else for (const subscription of [...this.subscriptions]) this.offer(subscription, result)
    }
  }

  /** Gives one subscriber a value, if its criteria want it. */
  offer(subscription: BrokerSubscription, result: OperationResult): void {
    const filter = this.filters?.get(subscription)
    if (filter === undefined) this.hand(subscription, result)
    else filter.offer(result)
  }

  error(error: CodedError): void {
    for (const subscription of [...this.subscriptions]) subscription.error(this.endpoint, error)
  }

  /** Those who were made anew together have all been given what came meanwhile: it is news no more. */
  private trim(): void {
    if (this.trimming) return
    this.trimming = true
    this.context.clock.soon(() => {
      this.trimming = false
      if (!this.empty) this.recent = this.recent.slice(-1)
    })
  }

  private hand(subscription: BrokerSubscription, result: OperationResult): void {
    const device = this.context.registration(this.endpoint)
    if (device !== undefined) subscription.value(result, device)
  }

  /** The relation is good, only this message was not: its bytes go to the operator. */
  private undecodable(error: unknown, base: Path): void {
    const coded = error instanceof CodedError ? error : new CodedError('internal', String(error))
    this.context.warnAlways({
      code: 'decode',
      message: `a value of ${base.toString()} cannot be read: ${coded.message}`,
      endpoint: this.endpoint,
      path: base,
      ...(coded instanceof DecodeError ? { raw: coded.raw } : {}),
    })
    this.error(coded)
  }
}
