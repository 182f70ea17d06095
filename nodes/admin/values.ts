import type { ObjectModel, ResourceDefinition } from '../../src/lwm2m/model/definition'
import type { Path } from '../../src/lwm2m/path'
import { ObjectLink, type Value } from '../../src/lwm2m/value'
import type { OperationResult, Registration } from '../../src/server/types'
import type { ValueInfo } from './contract'

/** The definition of the resource that `path` names, in the version that the device announced. */
export function resourceDefinition(
  model: ObjectModel,
  registration: Registration | undefined,
  path: Path,
): ResourceDefinition | undefined {
  if (path.object === undefined || path.resource === undefined) return undefined
  const announced = registration?.objects.find(
    (object) => object.id === path.object && (object.prefix ?? '') === path.prefix,
  )
  return model.object(path.object, announced?.version)?.resources.get(path.resource)
}

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
  return result.records.map(({ path, value, time }) => {
    const definition = resourceDefinition(model, registration, path)
    return {
      path: path.toString(),
      ...(definition === undefined ? {} : { name: definition.name, type: definition.type }),
      ...(definition?.units === undefined ? {} : { units: definition.units }),
      value: jsonValue(value),
      time: time ?? now,
    }
  })
}
