/**
 * Payloads of messages from records: scalars for single resources, `{0: …, 1: …}` for multiple
 * ones, objects by resource id (or name) for instances, one more level for objects.
 */
import { CodedError } from '../base/coded-error'
import { EncodeError } from './formats/codec'
import { isMilliseconds } from './milliseconds'
import type { ResourceDefinition } from './model/definition'
import { Level, MAX_ID, type Path } from './path'
import type { Record } from './record'
import { asValue, type Value } from './value'
import { toType } from './values'

/** Looks up a resource's definition; the path is of level 3 or 4. */
export type ResourceLookup = (path: Path) => ResourceDefinition | undefined

/** Resolves a name: of an object (at the root) or a resource (in an instance). */
export type NameLookup = (parent: Path, name: string) => number | undefined

/** Values by id or name. */
export interface PayloadTree {
  [key: string]: Value | PayloadTree
}
export type Payload = Value | PayloadTree

/** Options of {@link recordsToPayload}. */
export interface PayloadOptions {
  /** The key of a resource or object; default its id. */
  readonly key?: (path: Path) => string
  /** Determines whether a resource is multiple if the records have no instance of it. */
  readonly resource?: ResourceLookup
}

/**
 * The records of `base` in the form of `msg.payload`. Of several values of one resource (history)
 * the newest is used. `undefined` if a single resource has no value.
 */
export function recordsToPayload(
  records: readonly Record[],
  base: Path,
  options: PayloadOptions = {},
): Payload | undefined {
  const valued = records.filter(({ value }) => value !== undefined)
  if (valued.length === 0) {
    const isSingle = base.level >= Level.RESOURCE && options.resource?.(base)?.multiple !== true
    return isSingle ? undefined : {}
  }
  const tree: Branch = new Map()
  for (const { path, value } of oldestFirst(valued)) {
    if (path.level === base.level && path.prefix === base.prefix) return latest(valued)
    // End devices behind a gateway are at the level of the gateway's own objects.
    let branch = path.prefix === base.prefix ? tree : child(tree, path.prefix)
    for (let level = base.level + 1; level < path.level; level++) {
      branch = child(branch, keyOf(path.at(level), options))
    }
    branch.set(keyOf(path, options), value as Value)
  }
  return toTree(tree)
}

/**
 * A map, because names come from files and devices and must not match properties of
 * Object.prototype.
 */
type Branch = Map<string, Value | Branch>

function child(branch: Branch, key: string): Branch {
  const found = branch.get(key)
  if (found instanceof Map) return found
  const made: Branch = new Map()
  branch.set(key, made)
  return made
}

function toTree(branch: Branch): PayloadTree {
  return Object.fromEntries(
    Array.from(branch, ([key, value]) => [key, value instanceof Map ? toTree(value) : value]),
  )
}

function oldestFirst(records: readonly Record[]): readonly Record[] {
  if (!records.some(({ time }) => time !== undefined)) return records
  return [...records].sort((a, b) => (a.time ?? 0) - (b.time ?? 0))
}

function latest(records: readonly Record[]): Value | undefined {
  return oldestFirst(records)[records.length - 1]?.value
}

function keyOf(path: Path, options: PayloadOptions): string {
  const id = path.ids[path.level - 1]
  const isNamed = path.level === Level.OBJECT || path.level === Level.RESOURCE
  return (isNamed ? options.key?.(path) : undefined) ?? String(id)
}

function isTree(value: unknown): value is PayloadTree {
  return (
    typeof value === 'object' &&
    value !== null &&
    asValue(value) === undefined &&
    !Array.isArray(value)
  )
}

/** `{type: 'Buffer', data: […]}`: the JSON form of a Buffer. */
function isJsonBuffer(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return isTree(value) && value['type'] === 'Buffer' && Array.isArray(value['data'])
}

/** Converts a flow's payload to records. */
class PayloadReader {
  readonly records: Record[] = []

  constructor(
    private readonly resource: ResourceLookup | undefined,
    private readonly name: NameLookup | undefined,
    private readonly onMilliseconds: ((path: Path) => void) | undefined,
  ) {}

  read(payload: unknown, path: Path): void {
    if (payload === undefined || payload === null) {
      throw new EncodeError(`there is no value for ${path}`)
    }
    if (path.level === Level.RESOURCE_INSTANCE) return this.value(payload, path)
    if (path.level === Level.RESOURCE) return this.atResource(payload, path)
    if (!isTree(payload))
      throw new EncodeError(`${path} takes an object of values, such as ${example(path)}`)
    for (const [key, inner] of Object.entries(payload)) this.read(inner, this.child(path, key))
  }

  private atResource(payload: unknown, path: Path): void {
    const definition = this.resource?.(path)
    const isSeveral = Array.isArray(payload) || (isTree(payload) && !isJsonBuffer(payload))
    if (!isSeveral && definition?.multiple === true) {
      throw new EncodeError(`${label(path, definition)} has instances: give {0: …} or an array`)
    }
    if (!isSeveral) return this.value(payload, path)
    if (definition !== undefined && !definition.multiple) {
      throw new EncodeError(`${label(path, definition)} takes a single value`)
    }
    for (const [key, inner] of Object.entries(payload as object)) {
      this.value(inner, this.child(path, key))
    }
  }

  private value(payload: unknown, path: Path): void {
    const definition = this.resource?.(path)
    const value = plainValue(payload)
    if (value === undefined) {
      throw new EncodeError(
        `${label(path, definition)} takes a single value, not ${typeof payload}`,
      )
    }
    try {
      const typed = definition === undefined ? value : toType(value, definition.type)
      this.records.push({ path, value: typed })
      if (definition?.type === 'Time' && isMilliseconds(value)) this.onMilliseconds?.(path)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      throw new EncodeError(`${label(path, definition)}: ${error.message}`, { cause: error })
    }
  }

  private child(path: Path, key: string): Path {
    if (/^\d+$/.test(key) && Number(key) < MAX_ID) return path.child(Number(key))
    const id = this.name?.(path, key)
    if (id === undefined) {
      const where = `${JSON.stringify(key.slice(0, 40))} below ${path}`
      throw new EncodeError(`${where} is neither an id nor a name that the object model knows`)
    }
    return path.child(id)
  }
}

function label(path: Path, definition: ResourceDefinition | undefined): string {
  return definition === undefined ? path.toString() : `${path.toString()} (${definition.name})`
}

function example(path: Path): string {
  switch (path.level) {
    case Level.ROOT:
      return '{"3303": {"0": {"5601": 1}}}'
    case Level.OBJECT:
      return '{"0": {"5601": 1}}'
    default:
      return '{"5601": 1}'
  }
}

function plainValue(payload: unknown): Value | undefined {
  return asValue(payload) ?? (isJsonBuffer(payload) ? Buffer.from(payload.data) : undefined)
}

/**
 * Converts a payload for `base` to records, typed by the model. Keys are ids, or names if `name`
 * resolves them; a multiple resource takes an object by instance id or an array.
 * @param onMilliseconds called for each Time whose number is interpreted as milliseconds; see
 *   {@link toType}
 * @throws EncodeError with what is wrong and what is expected
 */
export function payloadToRecords(
  payload: unknown,
  base: Path,
  resource?: ResourceLookup,
  name?: NameLookup,
  onMilliseconds?: (path: Path) => void,
): Record[] {
  const reader = new PayloadReader(resource, name, onMilliseconds)
  reader.read(payload, base)
  return reader.records
}
