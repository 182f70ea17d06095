/** LwM2M Gateway, object 25 (OMA LwM2M Gateway §6): an instance is an end device. */
import { parseObjectList } from '../../lwm2m/object-links'
import { LinkFormatError } from '../../lwm2m/link-format'
import { GatewayResource } from '../../lwm2m/objects/gateway'
import { ObjectId } from '../../lwm2m/objects/object-id'
import type { Record } from '../../lwm2m/record'
import { defaultObjectVersion } from '../../lwm2m/versions'
import { endpointProblem } from '../endpoint-name'
import type { Lwm2mVersion, RegisteredObject, Registration } from '../types'

/** What stands before the paths of an end device: one segment, and no number. */
const PREFIX = /^[A-Za-z_.~-][\w.~-]*$/

/** Whether a device registered the object of a gateway. */
export function isGateway({ objects, gateway }: Registration): boolean {
  if (gateway !== undefined) return false
  return objects.some(({ id, prefix }) => id === ObjectId.GATEWAY && (prefix ?? '') === '')
}

/** What an instance says of its end device, as far as it was read. */
export interface EndDeviceEntry {
  readonly id?: string
  readonly prefix?: string
  /** In link format. */
  readonly objects?: string
}

/** What records of a gateway say, by the instance. */
export function endDeviceEntries(records: readonly Record[]): Map<number, EndDeviceEntry> {
  const entries = new Map<number, EndDeviceEntry>()
  for (const { path, value } of records) {
    const { object, instance, prefix } = path
    if (object !== ObjectId.GATEWAY || instance === undefined || prefix !== '') continue
    const entry = entries.get(instance) ?? {}
    entries.set(instance, { ...entry, ...memberOf(path.resource, value) })
  }
  return entries
}

function memberOf(resource: number | undefined, value: Record['value']): EndDeviceEntry {
  if (typeof value !== 'string') return {}
  switch (resource) {
    case GatewayResource.DEVICE_ID:
      return { id: value }
    case GatewayResource.PREFIX:
      return { prefix: value }
    case GatewayResource.DEVICE_OBJECTS:
      return { objects: value }
    default:
      return {}
  }
}

/** What keeps an end device from being addressed; undefined where nothing does. */
export function endDeviceProblem({ id, prefix }: EndDeviceEntry): string | undefined {
  if (id === undefined || prefix === undefined) return 'it has no Device ID or no Prefix'
  const problem = endpointProblem(id)
  if (problem !== undefined) return `its Device ID ${problem}`
  return PREFIX.test(prefix) ? undefined : `its Prefix is not a segment of a path`
}

/**
 * The objects of an end device as its gateway says them, with or without the prefix. Empty where that
 * is no list of links.
 */
export function endDeviceObjects(
  entry: EndDeviceEntry,
  version: Lwm2mVersion,
): readonly RegisteredObject[] {
  try {
    const { objects } = parseObjectList(entry.objects ?? '')
    return objects
      .filter(({ prefix }) => prefix === undefined || prefix === entry.prefix)
      .map(({ id, instances, version: said }) => ({
        id,
        version: said ?? defaultObjectVersion(id, version),
        instances,
      }))
  } catch (error) {
    if (error instanceof LinkFormatError) return []
    throw error
  }
}
