/** What nodes put into messages; see the message contract in CONTRIBUTING.md. */
import {
  type Lwm2mPath as Path,
  type ObjectModel,
  type OperationResult,
  type Registration,
  type ResourceRecord as Record,
  type ResourceValue as Value,
  formatCode,
  formatName,
} from '../../../src'
import { Level, formatValue, recordsToPayload } from '../../../src/internal'
import { flowRecords, type LargeIntegers } from './flow-values'
import { definitionsOf, nameKey, type ResourceLookup, resourceLookup } from './names'
import type { NodeMessage } from '../runtime/red'
import { topicOf } from './topic'

/** How resources are named in the objects of `msg.payload`. */
export type PayloadKeys = 'id' | 'name'

/** One value of `msg.lwm2m.records`. */
export interface MessageRecord {
  readonly path: string
  readonly name?: string
  readonly type?: string
  readonly units?: string
  readonly value: Value | undefined
  /** Milliseconds since the epoch, where the device dated the value. */
  readonly time?: number
}

/** `msg.lwm2m`. */
export interface MessageDetail {
  readonly endpoint: string
  readonly path?: string
  /** `2.05`, … */
  readonly code?: string
  readonly format?: string
  readonly records?: readonly MessageRecord[]
  /** `queued` while the request waits for a sleeping device. */
  readonly state?: 'queued'
  /** Create: the path of the new instance. */
  readonly location?: string
  /** Read-Composite: paths that the device said nothing of. */
  readonly missing?: readonly string[]
  /** Milliseconds since the epoch, where all values are of one time. */
  readonly time?: number
}

/** What is needed to speak of a device's values. */
export interface MessageContext {
  readonly model: ObjectModel
  readonly registration: Registration | undefined
  readonly keys: PayloadKeys
  readonly integers: LargeIntegers
}

export function messageRecords(
  records: readonly Record[],
  lookup: ResourceLookup,
  integers: LargeIntegers,
): MessageRecord[] {
  return flowRecords(records, integers).map(({ path, value, time }) => {
    const definition = lookup(path)
    return {
      path: path.toString(),
      ...(definition === undefined ? {} : { name: definition.name, type: definition.type }),
      ...(definition?.units === undefined ? {} : { units: definition.units }),
      value,
      ...(time === undefined ? {} : { time }),
    }
  })
}

/** `msg.lwm2m` of an answer or a notification. */
export function messageDetail(result: OperationResult, context: MessageContext): MessageDetail {
  const { endpoint, path, code, format, records, location, missing } = result
  const [first] = records
  const lookup = definitionsOf(result, context.model, context.registration)
  return {
    endpoint,
    path: path.toString(),
    code: formatCode(code),
    ...(format === undefined ? {} : { format: formatName(format) }),
    records: messageRecords(records, lookup, context.integers),
    ...(location === undefined ? {} : { location: location.toString() }),
    ...(missing === undefined || missing.length === 0 ? {} : { missing: missing.map(String) }),
    ...(first?.time === undefined ? {} : { time: first.time }),
  }
}

/**
 * The values of an answer as a flow likes them.
 * @param resource finds the definitions of the records
 */
export function messagePayload(
  records: readonly Record[],
  base: Path,
  { model, registration, keys, integers }: MessageContext,
  resource: ResourceLookup = resourceLookup(model, registration),
): unknown {
  return recordsToPayload(flowRecords(records, integers), base, {
    resource,
    ...(keys === 'name' ? { key: nameKey(model, resource) } : {}),
  })
}

/**
 * Values of several paths, by path: each as it would be alone. Paths without a value are left out;
 * values that nobody asked for stand under their own path.
 */
export function compositePayload(
  records: readonly Record[],
  paths: readonly Path[],
  context: MessageContext,
  resource: ResourceLookup,
): { [path: string]: unknown } {
  const payload: { [path: string]: unknown } = {}
  for (const path of paths) {
    const within = records.filter((record) => path.contains(record.path))
    if (within.length > 0)
      payload[path.toString()] = messagePayload(within, path, context, resource)
  }
  for (const record of records) {
    if (paths.some((path) => path.contains(record.path))) continue
    payload[record.path.toString()] = messagePayload([record], record.path, context, resource)
  }
  return payload
}

/** Adds an answer with values to a message: `endpoint`, `path`, `payload`, `topic`, `lwm2m`. */
export function valueMessage(
  message: NodeMessage,
  result: OperationResult,
  paths: readonly Path[],
  context: MessageContext,
): NodeMessage {
  const [only] = paths
  const single = paths.length === 1 && only !== undefined && only.level > Level.ROOT
  const resource = definitionsOf(result, context.model, context.registration)
  message['endpoint'] = result.endpoint
  message['path'] = single ? only.toString() : paths.map(String)
  message.payload = single
    ? messagePayload(result.records, only, context, resource)
    : compositePayload(result.records, paths, context, resource)
  message.topic = topicOf(result.endpoint, single ? only.toString() : '')
  message['lwm2m'] = messageDetail(result, context)
  return message
}

/** Adds an answer without values (written, executed, …) to a message, whose payload stays. */
export function doneMessage(
  message: NodeMessage,
  result: OperationResult,
  context: MessageContext,
): NodeMessage {
  const path = (result.location ?? result.path).toString()
  message['endpoint'] = result.endpoint
  message['path'] = path
  message.topic = topicOf(result.endpoint, path === '/' ? '' : path)
  message['lwm2m'] = messageDetail(result, context)
  return message
}

/** For a status: `'21.4 Cel'` of a single value, `'5 values'`-like counts are the caller's. */
export function singleValueText(
  records: readonly Record[],
  lookup: ResourceLookup,
): string | undefined {
  const [record] = records
  if (records.length !== 1 || record?.value === undefined) return undefined
  const { value } = record
  const units = lookup(record.path)?.units
  const text = typeof value === 'number' ? String(Number(value.toPrecision(6))) : formatValue(value)
  return units === undefined ? text : `${text} ${units}`
}

/** Records without values as text: what a message of a queued request says. */
export function queuedMessage(
  message: NodeMessage,
  endpoint: string,
  paths: readonly string[],
): NodeMessage {
  const [only] = paths
  message['endpoint'] = endpoint
  message['path'] = paths.length === 1 ? only : paths
  message.topic = topicOf(endpoint, paths.length === 1 && only !== '/' ? only : '')
  message['lwm2m'] = { endpoint, ...(only === undefined ? {} : { path: only }), state: 'queued' }
  return message
}
