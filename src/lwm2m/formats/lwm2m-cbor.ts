/** application/vnd.oma.lwm2m+cbor (Core 1.2 §7.4.6): nested maps keyed by ids. */
import { CodedError } from '../../base/coded-error'
import { Level, MAX_ID, Path } from '../path'
import type { Record } from '../record'
import { coerce, toType } from '../values'
import { fromCbor, toCbor } from './cbor'
import { type CborValue, decodeCbor, encodeCbor } from './cbor-bytes'
import { type Codec, type CodecContext, ContentFormat, EncodeError } from './codec'
import { type Fail, failure, MAX_RECORDS } from './limits'

const FORMAT = ContentFormat.LWM2M_CBOR
/** Ids on the way to a resource instance. */
const MAX_LEVELS = 4

class Lwm2mCborDecoder {
  readonly records: Record[] = []

  constructor(
    private readonly context: CodecContext,
    private readonly fail: Fail,
  ) {}

  map(map: Map<CborValue, CborValue>, parent: Path): void {
    for (const [key, item] of map) {
      const path = this.extend(parent, key)
      if (item instanceof Map) this.map(item, path)
      else if (item !== null && item !== undefined) this.value(item, path)
      else if (path.level <= Level.RESOURCE_INSTANCE) this.nothing(path)
    }
  }

  /** A key is an id, or an array of ids; a leading text is a gateway prefix. */
  private extend(parent: Path, key: CborValue): Path {
    const keys = Array.isArray(key) ? key : [key]
    let path = parent
    for (const part of keys) {
      if (typeof part === 'string') {
        if (path.level > 0 || path.prefix !== '') this.fail('a text among the ids')
        if (!/^[\w.~-]+$/.test(part)) this.fail(`${JSON.stringify(part)} is not a prefix`)
        // Ids are relative to the root of LwM2M; some devices include its name nevertheless.
        const { root, prefix } = this.context
        if (part !== root && part !== prefix) path = new Path([], part)
      } else {
        if (typeof part !== 'number' || !Number.isInteger(part) || part < 0 || part >= MAX_ID) {
          this.fail('an id is not a number from 0 to 65534')
        }
        if (path.level === MAX_LEVELS) this.fail('more than four ids')
        path = path.child(part as number)
      }
    }
    return path
  }

  private value(item: CborValue, path: Path): void {
    const { base, resource, warn } = this.context
    if (path.level < Level.RESOURCE) this.fail(`${path} is not a resource but has a value`)
    if (!base.contains(path)) this.fail(`${path} is not within ${base}`)
    const value = fromCbor(item)
    if (value === undefined) return this.fail(`${path} has no single value`)
    const type = resource?.(path)?.type
    const coerced =
      type === undefined
        ? value
        : coerce(value, type, (message) => warn?.(`CBOR: ${path}: ${message}`, path))
    this.push({ path, value: coerced })
  }

  /** A path without a value: composite requests, and null from a device. */
  private nothing(path: Path): void {
    if (this.context.base.contains(path)) this.push({ path, value: undefined })
  }

  private push(record: Record): void {
    if (this.records.length >= MAX_RECORDS) this.fail(`more than ${MAX_RECORDS} records`)
    this.records.push(record)
  }
}

function itemOf({ path, value }: Record, context: CodecContext): CborValue {
  if (value === undefined) return null
  const type = path.level >= Level.RESOURCE ? context.resource?.(path)?.type : undefined
  try {
    return toCbor(type === undefined ? value : toType(value, type), type)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new EncodeError(`${path}: ${error.message}`, { cause: error })
  }
}

/** Inserts an item below nested maps, one level per id. */
function place(root: Map<CborValue, CborValue>, keys: readonly CborValue[], item: CborValue): void {
  let map = root
  for (const key of keys.slice(0, -1)) {
    const next = map.get(key)
    if (next instanceof Map) map = next
    else {
      const made = new Map<CborValue, CborValue>()
      map.set(key, made)
      map = made
    }
  }
  map.set(keys[keys.length - 1] as CborValue, item)
}

export const lwm2mCbor: Codec = {
  format: FORMAT,
  name: 'application/vnd.oma.lwm2m+cbor',
  names: ['lwm2m-cbor'],
  since: '1.2',
  shape: 'pack',
  notation: 'cbor',
  twin: ContentFormat.LWM2M_JSON,
  paths: true,
  decode(bytes, context) {
    const fail: Fail = failure(FORMAT, 'LwM2M CBOR', bytes)
    if (bytes.length === 0) return []
    const pack = decodeCbor(FORMAT, bytes, (message) => context.warn?.(message, context.base))
    if (!(pack instanceof Map)) return fail('the top level is not a map')
    const decoder = new Lwm2mCborDecoder(context, fail)
    decoder.map(pack, Path.ROOT)
    return decoder.records
  },
  encode(records, context) {
    const { base } = context
    for (const { path } of records) {
      if (!base.contains(path)) throw new EncodeError(`${path} is not within ${base}`)
      if (path.level === Level.ROOT) throw new EncodeError('LwM2M CBOR cannot name the root')
    }
    const prefix = [base.prefix, context.prefix ?? ''].filter((part) => part !== '').slice(0, 1)
    // The base path as one array key (the first form in Core 1.2), the rest nested.
    const isSingle = records.length > 0 && records.every(({ path }) => path.equals(base))
    const head = [...prefix, ...base.ids]
    const root = new Map<CborValue, CborValue>()
    if (isSingle) {
      root.set(
        head.length === 1 ? (head[0] as CborValue) : head,
        itemOf(records[0] as Record, context),
      )
      return encodeCbor(root)
    }
    const nested = new Map<CborValue, CborValue>()
    for (const record of records) {
      const { path } = record
      const own = path.prefix === base.prefix || path.prefix === '' ? [] : [path.prefix]
      place(nested, [...own, ...path.ids.slice(base.level)], itemOf(record, context))
    }
    if (head.length === 0) return encodeCbor(nested)
    root.set(head.length === 1 ? (head[0] as CborValue) : head, nested)
    return encodeCbor(root)
  },
}
