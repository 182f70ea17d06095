import type { Record } from '../../lwm2m/record'
import { thresholdProblem } from '../../lwm2m/attributes'
import { changeMatters } from '../../lwm2m/notification-conditions'
import type { Value } from '../../lwm2m/value'
import { sameValue } from '../../lwm2m/values'
import { OperationError } from '../errors'
import type { ObserveCriteria } from '../types'

/** A device's clock and the network are not ours: what is due at pmax may be this much early, ms. */
const LONGEST_SLACK = 2000

/** Whether criteria let everything through at once. */
export function isVoid(criteria: ObserveCriteria | undefined): boolean {
  return (
    criteria === undefined ||
    (criteria.changeOnly !== true &&
      [criteria.pmin, criteria.pmax, criteria.gt, criteria.lt, criteria.st].every(
        (value) => value === undefined,
      ))
  )
}

/** @throws OperationError `invalid-argument` for what could never be met */
export function checkCriteria(criteria: ObserveCriteria): void {
  const refuse = (why: string): never => {
    throw new OperationError('invalid-argument', `observe criteria: ${why}`)
  }
  for (const name of ['pmin', 'pmax', 'gt', 'lt', 'st'] as const) {
    const value: unknown = criteria[name]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isFinite(value)) refuse(`${name} is a number`)
  }
  const { pmin, pmax, gt, lt, st } = criteria
  if ((pmin ?? 0) < 0) refuse(`pmin is not negative: ${pmin}`)
  if (pmax !== undefined && pmax <= 0) refuse(`pmax is more than 0: ${pmax}`)
  if (st !== undefined && st <= 0) refuse(`st is more than 0: ${st}`)
  if (pmax !== undefined && pmax < (pmin ?? 0)) refuse(`pmax (${pmax}) is less than pmin (${pmin})`)
  const problem = thresholdProblem({ gt, lt, st })
  if (problem !== undefined) refuse(problem)
}

/**
 * Which values of one device one subscriber is given: pmin, pmax, gt, lt, st (Core §5.1.2) and changes
 * only. Knows the last values it let through; has no clock of its own.
 */
export class CriteriaEvaluator {
  private readonly last = new Map<string, Value | undefined>()
  private lastAt: number | undefined

  constructor(private readonly criteria: ObserveCriteria) {}

  /**
   * @param at when the values were measured or came, ms
   * @returns true to deliver now, false to drop, or the ms after which to ask again (pmin)
   */
  evaluate(records: readonly Record[], at: number): boolean | number {
    if (this.lastAt === undefined) return true
    // Values of the past may come in any order: what counts is their distance.
    const elapsed = Math.abs(at - this.lastAt)
    const early = (this.criteria.pmin ?? 0) * 1000 - elapsed
    return early > 0 ? early : this.wants(records, elapsed)
  }

  /** Takes note of what was delivered. */
  delivered(records: readonly Record[], at: number): void {
    this.lastAt = at
    for (const { path, value } of records) this.last.set(path.toString(), value)
  }

  /** A new registration: its first value is news again. */
  reset(): void {
    this.last.clear()
    this.lastAt = undefined
  }

  private wants(records: readonly Record[], elapsed: number): boolean {
    const { changeOnly, pmax, gt, lt, st } = this.criteria
    if (changeOnly === true && !records.some((record) => this.changed(record))) return false
    if (gt === undefined && lt === undefined && st === undefined) return true
    if (pmax !== undefined) {
      const due = pmax * 1000
      if (elapsed >= due - Math.min(due / 10, LONGEST_SLACK)) return true
    }
    return records.some((record) => this.matters(record))
  }

  private changed({ path, value }: Record): boolean {
    const key = path.toString()
    return !this.last.has(key) || !sameValue(this.last.get(key), value)
  }

  private matters({ path, value }: Record): boolean {
    const key = path.toString()
    const last = this.last.get(key)
    return !this.last.has(key) || changeMatters(this.criteria, last, last, value)
  }
}
