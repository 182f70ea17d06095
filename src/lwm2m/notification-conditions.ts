/** The conditions on values of Write-Attributes (Core §5.1.2, §7.3.2): gt, lt, st, edge. */
import type { Value } from './value'
import { sameValue } from './values'

/** Conditions on changes of a number (gt, lt, st) or a Boolean (edge). */
export interface ChangeConditions {
  readonly gt?: number
  readonly lt?: number
  readonly st?: number
  /** 1: only changes to true; 0: only changes to false. */
  readonly edge?: number
}

/**
 * Whether a changed value is to be reported.
 * @param reported the value last reported
 * @param previous the value at the last evaluation, equal to `reported` if there was none since
 */
export function changeMatters(
  { gt, lt, st, edge }: ChangeConditions,
  reported: Value | undefined,
  previous: Value | undefined,
  current: Value | undefined,
): boolean {
  if (typeof current === 'boolean' && edge !== undefined) {
    return current !== previous && current === (edge === 1)
  }
  const [now, before] = [numeric(current), numeric(previous)]
  const isConditional = gt !== undefined || lt !== undefined || st !== undefined
  // Thresholds do not apply to a value that is not a number, or was not: any change is reported.
  // Compared with both: a value that was removed and added again between two reports has changed.
  if (!isConditional || now === undefined || before === undefined) {
    return !sameValue(current, reported) || !sameValue(current, previous)
  }
  const known = numeric(reported) ?? before
  if (st !== undefined && Math.abs(now - known) >= st) return true
  if (gt !== undefined && crosses(before > gt, now > gt, st)) return true
  return lt !== undefined && crosses(before < lt, now < lt, st)
}

/**
 * Crossing a threshold counts in both directions (OMA#191), but with a step, returning counts only
 * if it is a step: with `gt=45&st=10`, 45→50 is reported and 48→42 is not (Core §7.3.2).
 */
function crosses(wasBeyond: boolean, isBeyond: boolean, st: number | undefined): boolean {
  return wasBeyond !== isBeyond && (isBeyond || st === undefined)
}

/**
 * A value as the number to compare with gt, lt and st, a Time in seconds; undefined if it is not a
 * number.
 */
function numeric(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Date ? value.getTime() / 1000 : undefined
}
