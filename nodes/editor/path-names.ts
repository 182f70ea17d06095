import { Path } from '../../src/lwm2m/path'
import type { ObjectInfo } from '../admin/contract'
import { api } from './api'

const definitions = new Map<string, Promise<ObjectInfo>>()

/** An object's definition, asked for once per editor session. */
export function objectDefinition(server: string, object: number): Promise<ObjectInfo> {
  const key = `${server}/${object}`
  let definition = definitions.get(key)
  if (definition === undefined) {
    definition = api.object(server, object)
    definition.catch(() => definitions.delete(key))
    definitions.set(key, definition)
  }
  return definition
}

/** The ids of a path's text as the server reads it; undefined where it is none, or names no object. */
export function pathIds(text: string): readonly number[] | undefined {
  try {
    const { ids } = Path.parse(text)
    return ids.length > 0 ? ids : undefined
  } catch {
    return undefined
  }
}

/** `'/3/0/9'` -> `'Device › 0 › Battery Level'`; undefined where nothing is known. */
export async function pathName(server: string, text: string): Promise<string | undefined> {
  const [object, instance, resource, resourceInstance] = pathIds(text) ?? []
  if (object === undefined) return undefined
  try {
    const definition = await objectDefinition(server, object)
    const found = definition.resources.find(({ id }) => id === resource)
    const parts = [definition.name]
    if (instance !== undefined) parts.push(String(instance))
    if (resource !== undefined) parts.push(found?.name ?? String(resource))
    if (resourceInstance !== undefined) parts.push(String(resourceInstance))
    return parts.join(' › ')
  } catch {
    return undefined
  }
}
