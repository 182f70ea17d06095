import type { ObjectModel, ResourceDefinition } from '../../src/lwm2m/model/definition'
import { Level, type Path } from '../../src/lwm2m/path'
import type { Registration } from '../../src/server/types'

/** Finds the definition of a resource in the version that the device announced. */
export type ResourceLookup = (path: Path) => ResourceDefinition | undefined

export function resourceLookup(
  model: ObjectModel,
  registration: Registration | undefined,
): ResourceLookup {
  return (path) => {
    const { object, resource } = path
    if (object === undefined || resource === undefined) return undefined
    const announced = registration?.objects.find(
      ({ id, prefix }) => id === object && (prefix ?? '') === path.prefix,
    )
    return model.object(object, announced?.version)?.resources.get(resource)
  }
}

/** Keys of payloads by name: resources and objects that the model knows; others keep their id. */
export function nameKey(
  model: ObjectModel,
  registration: Registration | undefined,
): (path: Path) => string {
  const resource = resourceLookup(model, registration)
  return (path) => {
    const { object } = path
    const definition =
      path.level === Level.OBJECT && object !== undefined ? model.object(object) : resource(path)
    return definition?.name ?? String(path.ids[path.level - 1])
  }
}
