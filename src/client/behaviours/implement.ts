import { Level, type Path } from '../../lwm2m/path'
import type { Value } from '../../lwm2m/value'
import type { ObjectTree } from '../tree/object-tree'

/** Adds an executable resource of the model to an instance, unless it already has it. */
export function offer(tree: ObjectTree, instance: Path, resources: readonly number[]): void {
  const place = tree.place(instance)
  if (place?.instance === undefined) return
  for (const id of resources) {
    const definition = place.object.resource(id)
    if (definition !== undefined) tree.ensureResource(place.instance, definition)
  }
}

/** Sets a resource of the model, creating it if necessary; notifies the listeners. */
export function assign(tree: ObjectTree, resource: Path, value: Value): void {
  const place = tree.place(resource)
  const definition = place?.object.resource(resource.resource as number)
  if (place?.instance === undefined || definition === undefined) return
  const at = resource.at(Level.RESOURCE)
  tree.replace(
    at,
    tree.ensureResource(place.instance, definition),
    definition.multiple ? new Map([[0, value]]) : value,
  )
}
