import type { Scheduler, Timer } from '../../base/scheduler'
import type { ObserveCriteria, OperationResult } from '../types'
import { CriteriaEvaluator } from './criteria'

/** Lets through to one subscriber what its criteria want of one device, and holds back until pmin. */
export class CriteriaFilter {
  private readonly evaluator: CriteriaEvaluator
  private held: OperationResult | undefined
  /** When pmin ends, in the time of the values: a device's clock may be years off. */
  private due = 0
  private timer: Timer | undefined

  constructor(
    criteria: ObserveCriteria,
    private readonly clock: Scheduler,
    private readonly deliver: (result: OperationResult) => void,
  ) {
    this.evaluator = new CriteriaEvaluator(criteria)
  }

  offer(result: OperationResult): void {
    const at = result.records[0]?.time ?? this.clock.now()
    const verdict = this.evaluator.evaluate(result.records, at)
    if (typeof verdict === 'number') {
      // The newest value within pmin waits; whether it is still wanted shows at the end of it.
      this.held = result
      this.due = at + verdict
      this.timer ??= this.clock.after(verdict, () => this.release())
      return
    }
    this.close()
    if (verdict) this.pass(result, at)
  }

  /** A new registration: its first value is news. */
  reset(): void {
    this.close()
    this.evaluator.reset()
  }

  close(): void {
    this.held = undefined
    this.clock.cancel(this.timer)
    this.timer = undefined
  }

  private release(): void {
    const { held, due } = this
    this.close()
    if (held === undefined) return
    if (this.evaluator.evaluate(held.records, due) === true) this.pass(held, due)
  }

  private pass(result: OperationResult, at: number): void {
    this.evaluator.delivered(result.records, at)
    this.deliver(result)
  }
}
