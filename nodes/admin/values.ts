import {
  ObjectLink,
  type ObjectModel,
  type OperationResult,
  type Registration,
  type ResourceValue as Value,
} from '../../src'
import { definitionsOf } from '../shared/messages/names'
import type { ValueInfo } from './contract'

/** Bytes as hex, 64-bit integers and object links as text, times as ISO 8601. */
export function jsonValue(value: Value | undefined): string | number | boolean | null {
  if (value === undefined) return null
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof ObjectLink) return value.toString()
  return value
}

/** The values of an answer, named and typed by the model. */
export function valueInfos(
  model: ObjectModel,
  registration: Registration | undefined,
  result: OperationResult,
  now: number,
): ValueInfo[] {
  const resource = definitionsOf(result, model, registration)
  return result.records.map(({ path, value, time }) => {
    const definition = resource(path)
    return {
      path: path.toString(),
      ...(definition === undefined ? {} : { name: definition.name, type: definition.type }),
      ...(definition?.units === undefined ? {} : { units: definition.units }),
      value: jsonValue(value),
      time: time ?? now,
    }
  })
}
