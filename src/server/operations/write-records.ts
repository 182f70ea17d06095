import type { ObjectModel } from '../../lwm2m/model/definition'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Registration, WriteInput } from '../types'
import { invalidArgument } from './preconditions'
import { namedRecords } from './resource-lookup'

function isRecords(value: unknown): value is readonly Record[] {
  return (
    Array.isArray(value) &&
    value.every(
      (item: unknown) =>
        typeof item === 'object' && item !== null && 'path' in item && item.path instanceof Path,
    )
  )
}

/**
 * What is to be written at `base`, as records: records as they are, anything else typed by the
 * object model.
 * @throws EncodeError where a value cannot be what its resource is; OperationError
 *   `invalid-argument` where a record has no value or lies elsewhere
 */
export function writeRecords(
  input: WriteInput,
  base: Path,
  device: Registration,
  model: ObjectModel,
  onMilliseconds?: (path: Path) => void,
): readonly Record[] {
  if (!isRecords(input) || input.length === 0) {
    return namedRecords(input, base, device, model, onMilliseconds)
  }
  for (const { path, value } of input) {
    if (!base.contains(path)) {
      throw invalidArgument(`${path.toString()} does not lie within ${base.toString()}`)
    }
    if (path.level < Level.RESOURCE || value === undefined) {
      throw invalidArgument(`${path.toString()} has no value to write`)
    }
  }
  return input
}
