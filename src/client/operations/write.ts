import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat, DecodeError } from '../../lwm2m/formats/codec'
import { decode } from '../../lwm2m/formats/index'
import type { ResourceDefinition } from '../../lwm2m/model/definition'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { ObjectLink, type ResourceType, type Value } from '../../lwm2m/value'
import type { ObjectInstance } from '../tree/object-tree'
import { Right, type AccessControl } from './access-control'
import { codecContext, type DeviceContext } from './device-context'
import { Refusal } from './refusal'

/**
 * `replace` is PUT; `update` is POST or iPATCH and keeps values that are not in the payload (Core
 * §6.3.3).
 */
export type WriteMode = 'replace' | 'update'

/**
 * The records of a request's payload, typed by the device's own definitions.
 * @throws Refusal 4.00, 4.15
 */
export function decodePayload(context: DeviceContext, request: CoapRequest, base: Path): Record[] {
  const format = request.contentFormat
  if (format === undefined) throw new Refusal(Code.BAD_REQUEST, 'Content-Format is missing')
  if (!context.formats.includes(format) || format === ContentFormat.LINK) {
    throw new Refusal(Code.UNSUPPORTED_CONTENT_FORMAT)
  }
  try {
    return decode(format, request.payload, codecContext(context, base))
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal(Code.BAD_REQUEST, error.message)
    throw error
  }
}

/** PUT and POST on an instance, a resource or a resource instance. @throws Refusal */
export function write(
  context: DeviceContext,
  access: AccessControl,
  request: CoapRequest,
  path: Path,
  mode: WriteMode,
): { reply: CoapReply; records: Record[] } {
  if (path.level < Level.INSTANCE) throw new Refusal(Code.METHOD_NOT_ALLOWED)
  const place = context.tree.place(path)
  if (place?.instance === undefined) throw new Refusal(Code.NOT_FOUND)
  access.require(path, Right.WRITE)
  if (path.resource !== undefined) {
    const definition = place.object.resource(path.resource)
    if (definition === undefined) throw new Refusal(Code.NOT_FOUND)
    checkWritable(definition)
    const wantsMany = mode === 'update' || path.level === Level.RESOURCE_INSTANCE
    if (wantsMany && !definition.multiple) throw new Refusal(Code.METHOD_NOT_ALLOWED)
  }
  const records = decodePayload(context, request, path)
  const changes = planWrite(context, path, records, mode)
  validate(context, records)
  commit(context, changes)
  return { reply: { code: Code.CHANGED }, records }
}

/** One step of a write, applied after everything was checked. */
type Change = () => void

/** Applies the result of {@link planWrite}; listeners are called once. */
export function commit(context: DeviceContext, changes: readonly Change[]): void {
  context.tree.batch(() => {
    for (const change of changes) change()
  })
}

/** Calls the checks of the objects' behaviours. @throws Refusal */
export function validate(context: DeviceContext, records: readonly Record[]): void {
  for (const object of new Set(records.map((record) => record.path.at(Level.OBJECT).toString()))) {
    const path = Path.parse(object)
    const own = records.filter((record) => path.contains(record.path))
    for (const behaviour of context.behaviours.of(path)) behaviour.validate?.(own)
  }
}

/**
 * Checks every record before anything is changed: a write is all or nothing.
 * @throws Refusal 4.00 wrong type or shape, 4.04 unknown resource, 4.05 not writable
 */
export function planWrite(
  context: DeviceContext,
  base: Path,
  records: readonly Record[],
  mode: WriteMode,
): Change[] {
  const changes: Change[] = []
  const groups = groupByResource(records)
  if (base.level === Level.RESOURCE && groups.size === 0) groups.set(base.toString(), [])
  for (const [text, group] of groups) {
    const path = Path.parse(text)
    const place = context.tree.place(path)
    const definition = place?.object.resource(path.resource as number)
    const instance = place?.instance
    if (instance === undefined || definition === undefined) {
      throw new Refusal(Code.NOT_FOUND, `${text} does not exist`)
    }
    checkWritable(definition)
    const replaced = mode === 'replace' && base.level <= Level.RESOURCE
    changes.push(...planResource(context, path, instance, definition, group, replaced))
  }
  if (mode === 'replace' && base.level === Level.INSTANCE) {
    changes.unshift(...planRemovals(context, base, groups))
  }
  return changes
}

function checkWritable(definition: ResourceDefinition): void {
  if (!definition.operations.includes('W')) {
    throw new Refusal(Code.METHOD_NOT_ALLOWED, `resource ${definition.id} is not writable`)
  }
}

/** Groups records by resource. @throws Refusal 4.00 for a record above a resource */
export function groupByResource(records: readonly Record[]): Map<string, Record[]> {
  const groups = new Map<string, Record[]>()
  for (const record of records) {
    if (record.path.level < Level.RESOURCE) {
      throw new Refusal(Code.BAD_REQUEST, `${record.path.toString()} is not a resource`)
    }
    const key = record.path.at(Level.RESOURCE).toString()
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [record])
    else group.push(record)
  }
  return groups
}

/**
 * The steps that set one resource.
 * @param replaced whether instances of a multiple resource that are not in the payload are removed
 * @throws Refusal 4.00
 */
export function planResource(
  context: DeviceContext,
  path: Path,
  instance: ObjectInstance,
  definition: ResourceDefinition,
  records: readonly Record[],
  replaced: boolean,
): Change[] {
  const { tree } = context
  const where = path.toString()
  if (!definition.multiple) {
    const record = records.at(-1)
    if (record === undefined || record.path.level !== Level.RESOURCE) {
      throw new Refusal(Code.BAD_REQUEST, `${where} has one value`)
    }
    const value = typed(record, definition)
    return [() => tree.replace(path, tree.ensureResource(instance, definition), value)]
  }
  const values = new Map<number, Value>()
  const deleted: number[] = []
  for (const record of records) {
    const id = record.path.resourceInstance
    if (id === undefined) throw new Refusal(Code.BAD_REQUEST, `${where} has several values`)
    if (record.value === undefined) deleted.push(id)
    else values.set(id, typed(record, definition))
  }
  return [
    () => {
      const resource = tree.ensureResource(instance, definition)
      const kept = replaced ? [] : [...(resource.value as ReadonlyMap<number, Value>)]
      const merged = new Map([...kept, ...values])
      for (const id of deleted) merged.delete(id)
      tree.replace(path, resource, merged)
    },
  ]
}

/**
 * A replaced instance loses its optional writable resources that were not written (Core §6.3.3.1).
 * Mandatory ones keep their value, so that the instance stays valid.
 */
function planRemovals(
  context: DeviceContext,
  base: Path,
  written: ReadonlyMap<string, unknown>,
): Change[] {
  const instance = context.tree.place(base)?.instance
  if (instance === undefined) return []
  return [...instance.resources.values()]
    .filter((resource) => resource.writable && !resource.definition.mandatory)
    .map((resource) => base.child(resource.id))
    .filter((path) => !written.has(path.toString()))
    .map((path) => () => void context.tree.removeResource(path, instance, path.resource as number))
}

/** @throws Refusal 4.00 if the value does not have the type of the resource */
export function typed(record: Record, definition: ResourceDefinition): Value {
  if (record.value === undefined || !isOfType(record.value, definition.type)) {
    throw new Refusal(
      Code.BAD_REQUEST,
      `${record.path.toString()} is not a valid ${definition.type}`,
    )
  }
  return record.value
}

function isOfType(value: Value, type: ResourceType): boolean {
  switch (type) {
    case 'String':
    case 'Corelnk':
      return typeof value === 'string'
    case 'Integer':
      return isWhole(value)
    case 'Unsigned Integer':
      return isWhole(value) && value >= 0
    case 'Float':
      return typeof value === 'number' || typeof value === 'bigint'
    case 'Boolean':
      return typeof value === 'boolean'
    case 'Opaque':
      return value instanceof Uint8Array
    case 'Time':
      return value instanceof Date
    case 'Objlnk':
      return value instanceof ObjectLink
    case 'None':
      return false
  }
}

function isWhole(value: Value): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value)
}
