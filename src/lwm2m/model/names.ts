import { Level, type Path } from '../path'
import type { NameLookup } from '../payload'
import type { ObjectModel } from './definition'

/**
 * Finds objects and resources by their name, case-insensitively. The first of several equal names
 * is used.
 * @param versionOf the version of the object of a path, if it is known
 */
export function nameLookup(
  model: ObjectModel,
  versionOf: (path: Path) => string | undefined = () => undefined,
): NameLookup {
  return (parent, name) => {
    const wanted = name.trim().toLowerCase()
    const named = (definition: { readonly name: string }): boolean =>
      definition.name.toLowerCase() === wanted
    const { object } = parent
    if (object === undefined) return [...model.objects()].find(named)?.id
    if (parent.level !== Level.INSTANCE) return undefined
    const resources = model.object(object, versionOf(parent))?.resources.values() ?? []
    return [...resources].find(named)?.id
  }
}
