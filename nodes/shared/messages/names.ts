import type {
  Lwm2mPath as Path,
  ObjectModel,
  OperationResult,
  Registration,
  ResourceDefinition,
} from '../../../src'
import { Level, resourceLookup as ofDevice } from '../../../src/internal'

/** Finds the definition of a resource, in the version that the device announced. */
export type ResourceLookup = (path: Path) => ResourceDefinition | undefined

/** Without a registration: in the newest version that the model has. */
export function resourceLookup(
  model: ObjectModel,
  registration: Registration | undefined,
): ResourceLookup {
  if (registration !== undefined) return ofDevice(registration, model)
  return ({ object, resource }) =>
    object === undefined || resource === undefined
      ? undefined
      : model.object(object)?.resources.get(resource)
}

/** The definitions of a result's records: those found when they were decoded, where there are. */
export function definitionsOf(
  result: OperationResult,
  model: ObjectModel,
  registration: Registration | undefined,
): ResourceLookup {
  return result.definitionOf ?? resourceLookup(model, registration)
}

/** Keys of payloads by name: resources and objects that the model knows; others keep their id. */
export function nameKey(model: ObjectModel, resource: ResourceLookup): (path: Path) => string {
  return (path) => {
    const { object } = path
    const definition =
      path.level === Level.OBJECT && object !== undefined ? model.object(object) : resource(path)
    return definition?.name ?? String(path.ids[path.level - 1])
  }
}
