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
  const first = records[0]?.time
  if (records.every((record) => record.time === first)) return [{ time: first, records }]
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
