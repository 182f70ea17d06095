import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { ACCESS_CONTROL, SERVER } from '../accounts'
import type { DeviceObject, ObjectInstance } from '../tree/object-tree'
import { Right, type AccessControl } from './access-control'
import type { DeviceContext } from './device-context'
import { Refusal } from './refusal'
import { decodePayload, groupByResource, planResource, validate } from './write'

/** Objects whose instances a server can neither create nor delete. */
const FIXED: ReadonlySet<number> = new Set([SERVER, ACCESS_CONTROL])

/**
 * Create (Core §6.3.5): POST on an object. Without an instance id in the payload, the device
 * chooses one and returns it as Location-Path.
 * @throws Refusal 4.00, 4.01, 4.04, 4.05, 4.15
 */
export function create(
  context: DeviceContext,
  access: AccessControl,
  request: CoapRequest,
  path: Path,
): { reply: CoapReply; path: Path; records: Record[] } {
  const object = context.tree.place(path)?.object
  if (object === undefined) throw new Refusal(Code.NOT_FOUND)
  access.require(path, Right.CREATE)
  if (FIXED.has(object.id) || (!object.multiple && object.instances.size > 0)) {
    throw new Refusal(Code.METHOD_NOT_ALLOWED, `object ${object.id} takes no more instances`)
  }
  const chosen = object.freeInstanceId()
  const leftToUs = namesNoInstance(request)
  const records =
    request.payload.length === 0
      ? []
      : decodePayload(context, request, leftToUs ? path.child(chosen) : path)
  const named = new Set(records.map((record) => record.path.instance ?? chosen))
  if (named.size > 1) throw new Refusal(Code.BAD_REQUEST, 'one instance at a time')
  const id = leftToUs ? chosen : (named.values().next().value ?? chosen)
  if (object.instances.has(id)) {
    throw new Refusal(Code.BAD_REQUEST, `instance ${id} exists already`)
  }
  validate(context, records)
  const at = path.child(id)
  addWritten(context, object, at, records)
  access.created(at)
  // Only an id that the server did not choose is returned (Core §6.3.5).
  const locationPath = leftToUs || named.size === 0 ? { locationPath: at.segments() } : {}
  return { reply: { code: Code.CREATED, ...locationPath }, path: at, records }
}

/**
 * A TLV payload without the object instance level (type bits 00, Core §7.4.3) has no instance id.
 */
function namesNoInstance(request: CoapRequest): boolean {
  if (request.payload.length === 0) return true
  return request.contentFormat === ContentFormat.TLV && (request.payload[0] as number) >> 6 !== 0
}

/**
 * Creates an instance from the written values; removes it again on failure.
 * @throws Refusal 4.00 if a mandatory writable resource is missing or a value is invalid
 */
function addWritten(
  context: DeviceContext,
  object: DeviceObject,
  at: Path,
  records: readonly Record[],
): ObjectInstance {
  const { tree } = context
  const groups = groupByResource(records)
  for (const definition of object.definition?.resources.values() ?? []) {
    const missing = !groups.has(at.child(definition.id).toString())
    if (definition.mandatory && definition.operations.includes('W') && missing) {
      throw new Refusal(Code.BAD_REQUEST, `mandatory resource ${definition.id} is missing`)
    }
  }
  return tree.batch(() => {
    const instance = tree.addInstance(object, at.instance as number)
    try {
      for (const group of groups.values()) {
        const path = (group[0] as Record).path.at(Level.RESOURCE)
        const definition = object.resource(path.resource as number)
        if (definition === undefined || definition.operations === 'E') {
          throw new Refusal(Code.BAD_REQUEST, `${path.toString()} is not known`)
        }
        for (const change of planResource(context, path, instance, definition, group, true))
          change()
      }
    } catch (error) {
      tree.deleteInstance(object, instance.id)
      throw error
    }
    for (const definition of object.definition?.resources.values() ?? []) {
      if (definition.mandatory && definition.operations === 'E') {
        tree.ensureResource(instance, definition)
      }
    }
    for (const behaviour of context.behaviours.of(at)) behaviour.adopt?.(at)
    return instance
  })
}

/**
 * Delete (Core §6.3.6) of an instance or, since 1.2, of a resource instance.
 * @throws Refusal 4.01, 4.04, 4.05
 */
export function remove(context: DeviceContext, access: AccessControl, path: Path): CoapReply {
  if (path.level === Level.RESOURCE_INSTANCE) return removeResourceInstance(context, access, path)
  if (path.level !== Level.INSTANCE) throw new Refusal(Code.METHOD_NOT_ALLOWED)
  const place = context.tree.place(path)
  if (place?.instance === undefined) throw new Refusal(Code.NOT_FOUND)
  access.require(path, Right.DELETE)
  if (FIXED.has(place.object.id) || !place.object.multiple) {
    throw new Refusal(Code.METHOD_NOT_ALLOWED)
  }
  const { object, instance } = place
  context.tree.batch(() => {
    context.tree.deleteInstance(object, instance.id)
    access.deleted(path)
  })
  return { code: Code.DELETED }
}

function removeResourceInstance(
  context: DeviceContext,
  access: AccessControl,
  path: Path,
): CoapReply {
  const resource = context.tree.place(path)?.resource
  const id = path.resourceInstance as number
  if (resource?.instance(id) === undefined) throw new Refusal(Code.NOT_FOUND)
  access.require(path, Right.WRITE)
  if (context.version !== '1.2' || !resource.writable) {
    throw new Refusal(Code.METHOD_NOT_ALLOWED)
  }
  context.tree.deleteResourceInstance(path, resource, id)
  return { code: Code.DELETED }
}
