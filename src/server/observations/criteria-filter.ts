import type { Scheduler, Timer } from '../../base/scheduler'
import type { ObserveCriteria, ValueReport } from '../types'
import { CriteriaEvaluator } from './criteria'

/** Decides which values of one device one subscriber is given, and holds the newest back until pmin. */
export class CriteriaFilter {
  private readonly evaluator: CriteriaEvaluator
  private held: ValueReport | undefined
  /** When pmin ends, in the time of the values: a device's clock may be years off. */
  private due = 0
  private timer: Timer | undefined

  constructor(
    criteria: ObserveCriteria,
    private readonly scheduler: Scheduler,
    private readonly deliver: (report: ValueReport) => void,
  ) {
    this.evaluator = new CriteriaEvaluator(criteria)
  }

  offer(report: ValueReport): void {
    const at = report.records[0]?.time ?? this.scheduler.now()
    const verdict = this.evaluator.evaluate(report.records, at)
    if (typeof verdict === 'number') {
      // The newest value within pmin waits; whether it is still wanted shows at the end of it.
      this.held = report
      this.due = at + verdict
      this.timer ??= this.scheduler.after(verdict, () => this.release())
      return
    }
    this.close()
    if (verdict) this.pass(report, at)
  }

  /** A new registration: its first value is news. */
  reset(): void {
    this.close()
    this.evaluator.reset()
  }

  close(): void {
    this.held = undefined
    this.scheduler.cancel(this.timer)
    this.timer = undefined
  }

  private release(): void {
    const { held, due } = this
    this.close()
    if (held === undefined) return
    if (this.evaluator.evaluate(held.records, due) === true) this.pass(held, due)
  }

  private pass(report: ValueReport, at: number): void {
    this.evaluator.delivered(report.records, at)
    this.deliver(report)
  }
}
