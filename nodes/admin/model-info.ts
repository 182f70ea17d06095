import type { ObjectDefinition, ObjectModel } from '../../src'
import type { ModelMatch, ObjectInfo, ObjectSummary } from './contract'

function summary({ id, name, version, multiple }: ObjectDefinition): ObjectSummary {
  return { id, name, version, multiple }
}

/** The newest version of every object, by id. */
export function listObjects(model: ObjectModel): ObjectSummary[] {
  const ids = new Set<number>()
  for (const { id } of model.objects()) ids.add(id)
  return [...ids]
    .sort((a, b) => a - b)
    .map((id) => model.object(id))
    .filter((definition) => definition !== undefined)
    .map(summary)
}

/** An object with its resources. */
export function objectInfo(
  model: ObjectModel,
  id: number,
  version: string | undefined,
): ObjectInfo | undefined {
  const definition = model.object(id, version)
  if (definition === undefined) return undefined
  return { ...summary(definition), resources: [...definition.resources.values()] }
}

/** More matches than this help nobody. */
const MAX_MATCHES = 100

/** Objects and resources whose name contains every word of `search`, or whose path begins with it. */
export function searchModel(model: ObjectModel, search: string): ModelMatch[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return []
  const wantedPath = search.trim().replace(/^\/?/, '/')
  const found: ModelMatch[] = []
  for (const { id } of listObjects(model)) {
    const definition = model.object(id)
    if (definition === undefined) continue
    const { name: objectName, multiple } = definition
    const matches = (name: string, path: string): boolean =>
      path.startsWith(wantedPath) || words.every((word) => name.toLowerCase().includes(word))
    if (matches(objectName, `/${id}`)) found.push({ object: id, objectName, multiple })
    for (const resource of definition.resources.values()) {
      if (matches(`${resource.name}`, `/${id}/0/${resource.id}`)) {
        found.push({ object: id, objectName, multiple, resource })
      }
    }
    if (found.length >= MAX_MATCHES) break
  }
  return found.slice(0, MAX_MATCHES)
}
