import type { Record } from '../../lwm2m/record'
import { ObjectLink, type Value } from '../../lwm2m/value'
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
  if (gt === undefined || lt === undefined) return
  if (lt >= gt) refuse(`lt (${lt}) has to be less than gt (${gt})`)
  if (lt + 2 * (st ?? 0) >= gt) refuse(`lt + 2·st (${lt + 2 * (st ?? 0)}) has to be less than gt`)
}

/** A value as the number that gt, lt and st compare; undefined where it is none. */
function numeric(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Date ? value.getTime() / 1000 : undefined
}

function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  return a instanceof ObjectLink && b instanceof ObjectLink && a.toString() === b.toString()
}

/**
 * What one subscriber wants to hear of one device: pmin, pmax, gt, lt, st (Core §5.1.2) and changes
 * only. Knows the last values it let through; has no clock of its own.
 */
export class CriteriaFilter {
  private readonly last = new Map<string, Value | undefined>()
  private lastAt: number | undefined

  constructor(private readonly criteria: ObserveCriteria) {}

  /**
   * @param at when the values were measured or came, ms
   * @returns true to deliver now, false to drop, or the ms after which to ask again (pmin)
   */
  judge(records: readonly Record[], at: number): boolean | number {
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
    return records.some((record) => this.crosses(record))
  }

  private changed({ path, value }: Record): boolean {
    const key = path.toString()
    return !this.last.has(key) || !sameValue(this.last.get(key), value)
  }

  private crosses(record: Record): boolean {
    const value = numeric(record.value)
    const last = numeric(this.last.get(record.path.toString()))
    // The thresholds say nothing of what is no number, or was none: any change counts.
    if (value === undefined || last === undefined) return this.changed(record)
    const { gt, lt, st } = this.criteria
    // Crossing a limit counts both ways; beside a step, coming back counts only as a step
    // (Core §5.1.2, the examples: gt=45, st=10: 48 to 42 is none).
    const crossed = (was: boolean, is: boolean): boolean => was !== is && (is || st === undefined)
    return (
      (gt !== undefined && crossed(last > gt, value > gt)) ||
      (lt !== undefined && crossed(last < lt, value < lt)) ||
      (st !== undefined && Math.abs(value - last) >= st)
    )
  }
}
