import type { ResourceDefinition, ResourceOperations } from '../../lwm2m/model/definition'
import type { Path } from '../../lwm2m/path'
import { MAX_ID } from '../../lwm2m/path'
import { ObjectLink, ValueError, type Value } from '../../lwm2m/value'
import { ClientError } from '../errors'
import { createSignal } from '../signal'
import type {
  DeviceDescription,
  InputValue,
  InstanceDescription,
  ObjectDescription,
  ResourceDescription,
  ResourceInput,
} from '../types'
import { inferType, toValue } from './input-value'
import type { DeviceObject, ObjectInstance, ObjectTree } from './object-tree'
import type { Resource } from './resource'

/** Values by resource instance id, as in descriptions. */
type ManyInput = readonly InputValue[] | { readonly [id: number]: InputValue }

const DESCRIPTION_KEYS = new Set([
  'value',
  'type',
  'operations',
  'multiple',
  'name',
  'units',
  'signal',
])

function fail(where: string, why: string): never {
  throw new ClientError('invalid-description', `${where}: ${why}`)
}

/** The version of an object whose description has none. */
export type DefaultVersion = (objectId: number) => string | undefined

/**
 * Adds the objects of a description to a tree.
 * @throws ClientError `invalid-description`, naming the invalid path
 */
export function addDescription(
  tree: ObjectTree,
  description: DeviceDescription,
  defaultVersion: DefaultVersion,
  prefix = '',
): void {
  for (const [key, value] of Object.entries(description)) {
    if (key === 'gateway' && prefix === '') {
      for (const [device, objects] of Object.entries(value as { [prefix: string]: unknown })) {
        if (!/^[A-Za-z_.~-][\w.~-]*$/.test(device)) fail(device, 'no prefix of an end device')
        addDescription(tree, plain<DeviceDescription>(objects, device), defaultVersion, device)
      }
      continue
    }
    const id = parseId(key, '/')
    addObject(tree, id, plain<ObjectDescription>(value, `/${key}`), defaultVersion(id), prefix)
  }
}

function addObject(
  tree: ObjectTree,
  id: number,
  description: ObjectDescription,
  defaultVersion: string | undefined,
  prefix: string,
): void {
  const { version } = description
  if (version !== undefined && !/^\d{1,3}\.\d{1,3}$/.test(version)) {
    fail(`/${id}`, `version ${JSON.stringify(version)} must be like "1.1"`)
  }
  const object = tree.addObject(id, prefix, version ?? defaultVersion)
  for (const [key, instance] of Object.entries(description)) {
    if (key === 'version') continue
    const instanceId = parseId(key, `/${id}`)
    if (!object.multiple && object.instances.size > 0) fail(`/${id}`, 'has only one instance')
    addInstance(tree, object, instanceId, plain(instance, `/${id}/${key}`), true)
  }
}

/**
 * Adds an instance, or nothing if the description is invalid. @throws ClientError
 * `invalid-description`; ValueError
 */
export function addInstance(
  tree: ObjectTree,
  object: DeviceObject,
  id: number,
  description: InstanceDescription,
  builtin: boolean,
): ObjectInstance {
  return tree.batch(() => {
    const instance = tree.addInstance(object, id, builtin)
    const path = object.path.child(id)
    try {
      setResources(tree, path, instance, object, description)
    } catch (error) {
      // Remove the incomplete instance.
      tree.deleteInstance(object, id)
      throw error
    }
    for (const definition of object.definition?.resources.values() ?? []) {
      if (definition.mandatory && definition.operations === 'E') {
        tree.ensureResource(instance, definition)
      }
    }
    return instance
  })
}

/**
 * Sets values or descriptions of several resources of an instance.
 * @throws ClientError `invalid-description` @throws ValueError
 */
export function setResources(
  tree: ObjectTree,
  path: Path,
  instance: ObjectInstance,
  object: DeviceObject,
  description: InstanceDescription,
): void {
  for (const [key, input] of Object.entries(
    plain<InstanceDescription>(description, path.toString()),
  )) {
    const id = parseId(key, path.toString())
    setResource(tree, path.child(id), instance, object, input)
  }
}

/**
 * Sets the value or description of a resource; creates it if necessary.
 * @throws ClientError `invalid-description` @throws ValueError
 */
export function setResource(
  tree: ObjectTree,
  path: Path,
  instance: ObjectInstance,
  object: DeviceObject,
  input: ResourceInput,
): void {
  const where = path.toString()
  const id = path.resource as number
  const description = describe(input, where)
  const known = instance.resources.get(id)
  const definition =
    known !== undefined && description === undefined
      ? known.definition
      : define(object, id, description, input, where)
  if (description !== undefined && known !== undefined) instance.resources.delete(id)
  const resource = tree.ensureResource(instance, definition)
  if (description?.signal !== undefined) {
    if (!['Integer', 'Unsigned Integer', 'Float'].includes(definition.type)) {
      fail(where, `a signal needs a number, not ${definition.type}`)
    }
    resource.signal = createSignal(
      definition.type === 'Float' ? description.signal : { ...description.signal, decimals: 0 },
    )
  }
  const value = description === undefined ? input : (description.value ?? null)
  if (value !== null) {
    // A value set by the caller ends the signal.
    if (description === undefined) resource.signal = undefined
    tree.replace(path, resource, typed(value as InputValue | ManyInput, resource, where))
  } else if (resource.signal !== undefined) {
    tree.replace(path, resource, toValue(resource.signal.at(0), definition.type))
  }
}

/**
 * Sets the value of one instance of a multiple resource.
 * @throws ClientError `unknown-path` @throws ValueError
 */
export function setResourceInstance(tree: ObjectTree, path: Path, input: InputValue): void {
  const resource = tree.place(path)?.resource
  if (resource === undefined || !resource.multiple) {
    throw new ClientError(
      'unknown-path',
      `${path.toString()} is not an instance of a multiple resource`,
    )
  }
  const value = typed(input, resource, path.toString())
  const [first] = value instanceof Map ? value.values() : [value as Value]
  if (first !== undefined) {
    tree.setResourceInstance(path, resource, path.resourceInstance as number, first)
  }
}

/** A description in its long form; undefined for a value, a list of values or null. */
function describe(input: ResourceInput, where: string): ResourceDescription | undefined {
  if (!isPlain(input)) return undefined
  const keys = Object.keys(input)
  if (keys.every((key) => /^\d+$/.test(key))) return undefined
  const unknown = keys.find((key) => !DESCRIPTION_KEYS.has(key))
  if (unknown !== undefined) fail(where, `unknown property ${JSON.stringify(unknown)}`)
  return input as ResourceDescription
}

function define(
  object: DeviceObject,
  id: number,
  description: ResourceDescription | undefined,
  input: ResourceInput,
  where: string,
): ResourceDefinition {
  const known = object.resource(id)
  const value = description === undefined ? input : (description.value ?? null)
  const many = isMany(value)
  const sample = (many ? Object.values(value as ManyInput)[0] : value) as InputValue | null
  const type =
    description?.type ??
    known?.type ??
    (description?.signal !== undefined ? 'Float' : sample == null ? undefined : inferType(sample))
  if (type === undefined) fail(where, 'the object model does not know it: give a value or a type')
  const operations: ResourceOperations =
    description?.operations ?? known?.operations ?? (type === 'None' ? 'E' : 'R')
  const definition: ResourceDefinition = {
    id,
    name: description?.name ?? known?.name ?? `Resource ${id}`,
    type,
    operations,
    multiple: description?.multiple ?? known?.multiple ?? many,
    mandatory: known?.mandatory ?? false,
    units: description?.units ?? known?.units,
    range: known?.range,
  }
  if (known !== undefined && sameDefinition(known, definition)) return known
  object.own.set(id, definition)
  return definition
}

function sameDefinition(a: ResourceDefinition, b: ResourceDefinition): boolean {
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.operations === b.operations &&
    a.multiple === b.multiple &&
    a.units === b.units
  )
}

/** @throws ClientError `invalid-description` @throws ValueError */
function typed(
  input: InputValue | ManyInput,
  resource: Resource,
  where: string,
): Value | ReadonlyMap<number, Value> {
  const { type } = resource.definition
  try {
    if (isMany(input)) {
      if (!resource.multiple) fail(where, 'has only one value')
      return new Map(
        Object.entries(input).map(([id, value]) => [
          parseId(id, where),
          toValue(value as InputValue, type),
        ]),
      )
    }
    const value = toValue(input as InputValue, type)
    return resource.multiple ? new Map([[0, value]]) : value
  } catch (error) {
    if (error instanceof ValueError) throw new ValueError(`${where}: ${error.message}`)
    throw error
  }
}

function isMany(input: unknown): input is ManyInput {
  return (
    Array.isArray(input) || (isPlain(input) && Object.keys(input).every((k) => /^\d+$/.test(k)))
  )
}

function isPlain(input: unknown): input is { [key: string]: unknown } {
  return (
    typeof input === 'object' &&
    input !== null &&
    !Array.isArray(input) &&
    !(input instanceof Date) &&
    !(input instanceof Uint8Array) &&
    !(input instanceof ObjectLink)
  )
}

function plain<T>(input: unknown, where: string): T {
  if (!isPlain(input)) fail(where, 'must be an object')
  return input as T
}

function parseId(text: string, where: string): number {
  const id = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : NaN
  if (!(id < MAX_ID)) fail(where, `${JSON.stringify(text)} is not an id (0 to 65534)`)
  return id
}
