import type {
  ObjectDefinition,
  ObjectModel,
  ResourceDefinition,
} from '../../lwm2m/model/definition'
import { nameLookup } from '../../lwm2m/model/names'
import type { Path } from '../../lwm2m/path'
import { payloadToRecords } from '../../lwm2m/payload'
import type { Record } from '../../lwm2m/record'
import { parseVersion } from '../../lwm2m/versions'
import { isGateway } from '../objects/gateway'
import type { Registration, RegisteredObject, ServerWarning } from '../types'

/** The object of a path as the device registered it. */
export function registeredObject(device: Registration, path: Path): RegisteredObject | undefined {
  for (const object of device.objects) {
    if (object.id === path.object && (object.prefix ?? '') === path.prefix) return object
  }
  return undefined
}

/**
 * Whether a device can have the object of a path, by what it registered. A gateway lists the objects
 * of its end devices in `/25/x/3`, not in its registration: unless it does, any may be there.
 */
export function mayHaveObject(device: Registration, path: Path): boolean {
  if (registeredObject(device, path) !== undefined) return true
  // A gateway of the first version says no objects of its end devices.
  if (device.gateway !== undefined && device.objects.length === 0) return true
  return (
    path.prefix !== '' &&
    isGateway(device) &&
    device.objects.every(({ prefix }) => (prefix ?? '') === '')
  )
}

/** The best definition of the object of a path, in the version that the device announced. */
export function objectDefinition(
  device: Registration,
  model: ObjectModel,
  path: Path,
): ObjectDefinition | undefined {
  const id = path.object
  return id === undefined ? undefined : model.object(id, registeredObject(device, path)?.version)
}

/**
 * Whether a definition says all that a device of another version of the object may have: the same
 * major version, and no older (minor versions only add; Core §7.2.2).
 */
function covers(defined: string, announced: string): boolean {
  if (defined === announced) return true
  const [major, minor] = parseVersion(defined) ?? []
  const [majorAnnounced, minorAnnounced] = parseVersion(announced) ?? []
  if (minor === undefined || minorAnnounced === undefined) return false
  return major === majorAnnounced && minor >= minorAnnounced
}

/**
 * Finds resource definitions by the versions that a device announced. What is not known is not an
 * error (its values are delivered as the format types them) but worth a warning.
 */
export function resourceLookup(
  device: Registration,
  model: ObjectModel,
  warn?: (warning: ServerWarning) => void,
): (path: Path) => ResourceDefinition | undefined {
  return (path) => {
    const [objectId, , resourceId] = path.ids
    if (objectId === undefined || resourceId === undefined) return undefined
    const version = registeredObject(device, path)?.version
    const object = model.object(objectId, version)
    const resource = object?.resources.get(resourceId)
    if (warn !== undefined) {
      if (object === undefined) {
        warn({
          code: 'unknown-object',
          message: `no definition of object ${objectId} is loaded: its values are delivered untyped`,
          endpoint: device.endpoint,
          path: path.at(1),
        })
      } else if (version !== undefined && !covers(object.version, version)) {
        warn({
          code: 'version-mismatch',
          message: `${device.endpoint} has object ${objectId} in version ${version}; values are read as version ${object.version}`,
          endpoint: device.endpoint,
          path: path.at(1),
        })
      }
      if (object !== undefined && resource === undefined) {
        const why =
          object.ambiguous?.has(resourceId) === true
            ? `resource ${resourceId} has different types in the known versions of object ${objectId}`
            : `object ${objectId} version ${object.version} has no resource ${resourceId}`
        warn({
          code: 'unknown-resource',
          message: `${why}: its values are delivered untyped`,
          endpoint: device.endpoint,
          path: path.at(3),
        })
      }
    }
    return resource
  }
}

/**
 * The same for the records of one message: each is looked up once, and found again by the path object
 * that it has.
 */
export function rememberingLookup(
  device: Registration,
  model: ObjectModel,
  warn: (warning: ServerWarning) => void,
): (path: Path) => ResourceDefinition | undefined {
  const find = resourceLookup(device, model, warn)
  // Most messages have one record.
  let latest: Path | undefined
  let definition: ResourceDefinition | undefined
  let earlier: Map<Path, ResourceDefinition | undefined> | undefined
  return (path) => {
    if (path === latest) return definition
    if (earlier?.has(path) === true) return earlier.get(path)
    if (latest !== undefined) (earlier ??= new Map()).set(latest, definition)
    latest = path
    return (definition = find(path))
  }
}

/**
 * Values for a device as records: by id, or by the names in the versions that it announced.
 * @param onMilliseconds told of each Time whose number is taken for milliseconds
 * @throws EncodeError where a name is none, or a value cannot be what its resource is
 */
export function namedRecords(
  payload: unknown,
  base: Path,
  device: Registration,
  model: ObjectModel,
  onMilliseconds?: (path: Path) => void,
): Record[] {
  const names = nameLookup(model, (path) => registeredObject(device, path)?.version)
  return payloadToRecords(payload, base, resourceLookup(device, model), names, onMilliseconds)
}
