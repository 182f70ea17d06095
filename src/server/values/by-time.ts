import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'

/** Records of one timestamp; `time` is undefined for those without. */
export interface Moment {
  readonly time: number | undefined
  readonly records: readonly Record[]
}

/**
 * Splits records by their time, oldest first; those without a time are of now and come last. Their
 * order within a moment stays (stored notifications may come in any order, Core §6.4.2).
 */
export function byTime(records: readonly Record[]): readonly Moment[] {
  if (isOneMoment(records)) return [{ time: records[0]?.time, records }]
  const moments = new Map<number | undefined, Record[]>()
  for (const record of records) {
    const moment = moments.get(record.time)
    if (moment === undefined) moments.set(record.time, [record])
    else moment.push(record)
  }
  return [...moments]
    .map(([time, of]) => ({ time, records: of }))
    .sort((a, b) => (a.time ?? Infinity) - (b.time ?? Infinity))
}

/** Whether all records have the same time, or none. */
export function isOneMoment(records: readonly Record[]): boolean {
  for (let i = 1; i < records.length; i++) {
    if (records[i]?.time !== records[0]?.time) return false
  }
  return true
}

/** The longest path that all records lie at or below. */
export function commonPath(records: readonly Record[], root: Path): Path {
  let common = records[0]?.path ?? root
  for (const { path } of records) {
    while (!common.contains(path)) {
      if (common.level === 0) return root
      common = common.at(common.level - 1)
    }
  }
  return common
}
