import {
  ObjectLink,
  type ResourceRecord as Record,
  type ResourceValue as Value,
} from '../../../src'
import type { Settings } from '../runtime/settings'

/** How integers that a double cannot hold leave a node: as decimal text, or as `BigInt`. */
export type LargeIntegers = 'text' | 'bigint'

/** The choice of the dialog. @throws SettingError */
export function readLargeIntegers(settings: Settings): LargeIntegers {
  return settings.choice('integers', ['text', 'bigint'], 'text')
}

/**
 * A value as flows get it. JSON has no `BigInt` and no classes: what context stores, *json*, *http
 * response* and *mqtt out* cannot carry is made text.
 */
export function flowValue(value: Value, integers: LargeIntegers): Value {
  if (typeof value === 'bigint') return integers === 'text' ? value.toString() : value
  return value instanceof ObjectLink ? value.toString() : value
}

/** Records with values as flows get them. */
export function flowRecords(
  records: readonly Record[],
  integers: LargeIntegers,
): readonly Record[] {
  const isForeign = ({ value }: Record): boolean =>
    typeof value === 'bigint' || value instanceof ObjectLink
  if (!records.some(isForeign)) return records
  return records.map((record) =>
    record.value === undefined ? record : { ...record, value: flowValue(record.value, integers) },
  )
}
