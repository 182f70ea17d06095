import type { ObjectDefinition, ObjectModel } from '../../src/lwm2m/model/definition'
import type { ObjectInfo, ObjectSummary } from './contract'

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
