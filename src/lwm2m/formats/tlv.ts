/** application/vnd.oma.lwm2m+tlv (Core §7.4.5). */
import { ByteReader, OutOfBounds } from '../../base/byte-reader'
import { CodedError } from '../../base/coded-error'
import { Level, MAX_ID, type Path } from '../path'
import type { Record } from '../record'
import type { Value } from '../value'
import { type Codec, type CodecContext, ContentFormat, EncodeError } from './codec'
import { checkSize, type Fail, failure, MAX_RECORDS } from './limits'
import { readTlvValue, typeOf, writeTlvValue } from './tlv-value'

/** Bits 7-6 of the type byte. */
const Kind = {
  OBJECT_INSTANCE: 0,
  RESOURCE_INSTANCE: 1,
  MULTIPLE_RESOURCE: 2,
  RESOURCE: 3,
} as const

interface Entry {
  readonly kind: number
  readonly id: number
  readonly value: ByteReader
}

function readEntries(reader: ByteReader): Entry[] {
  const entries: Entry[] = []
  while (reader.remaining > 0) {
    const type = reader.uint8()
    const id = (type & 0x20) === 0 ? reader.uint8() : reader.uint16()
    const lengthField = (type >> 3) & 3
    const length =
      lengthField === 0
        ? type & 7
        : lengthField === 1
          ? reader.uint8()
          : lengthField === 2
            ? reader.uint16()
            : reader.uint24()
    entries.push({ kind: type >> 6, id, value: reader.sub(length) })
  }
  return entries
}

/** Decodes one payload: the meaning of the entries depends on the requested path. */
class TlvDecoder {
  readonly records: Record[] = []

  constructor(
    private readonly context: CodecContext,
    private readonly fail: Fail,
  ) {}

  /** Entries of a payload whose base is `base`; common framing errors are corrected. */
  top(entries: readonly Entry[], base: Path): void {
    switch (base.level) {
      case Level.OBJECT:
        return this.objectLevel(entries, base)
      case Level.INSTANCE:
        return this.instanceLevel(entries, base)
      case Level.RESOURCE:
        return this.resourceLevel(entries, base)
      case Level.RESOURCE_INSTANCE:
        return this.resourceInstanceLevel(entries, base)
      default:
        return this.fail('TLV cannot answer for the root: it names no object')
    }
  }

  private objectLevel(entries: readonly Entry[], base: Path): void {
    for (const entry of entries) {
      if (entry.kind === Kind.OBJECT_INSTANCE) {
        this.resources(readEntries(entry.value), base.child(this.id(entry)))
      } else if (entry.kind === Kind.RESOURCE || entry.kind === Kind.MULTIPLE_RESOURCE) {
        // A single-instance object answered as if its instance 0 had been requested.
        this.warn('resources without an object instance, read as instance 0', base)
        this.resource(entry, base.child(0))
      } else this.fail('a resource instance where object instances belong')
    }
  }

  private instanceLevel(entries: readonly Entry[], base: Path): void {
    const [first] = entries
    if (first?.kind === Kind.OBJECT_INSTANCE) {
      if (entries.length > 1) this.fail('several object instances where one was asked for')
      if (first.id !== base.instance) {
        this.warn(`object instance ${first.id} where ${base.instance} was asked for`, base)
      }
      this.resources(readEntries(first.value), base)
    } else this.resources(entries, base)
  }

  private resourceLevel(entries: readonly Entry[], base: Path): void {
    const [first] = entries
    if (first === undefined) return
    if (first.kind === Kind.OBJECT_INSTANCE) {
      this.warn('an object instance around a resource', base)
      const inner = readEntries(first.value).filter(({ id }) => id === base.resource)
      return this.resourceLevel(inner, base)
    }
    if (first.kind === Kind.RESOURCE_INSTANCE) {
      // The multiple-resource wrapper is missing.
      return this.resourceInstances(entries, base)
    }
    const own = entries.find(({ id }) => id === base.resource)
    if (own === undefined) {
      if (entries.length > 1) this.fail(`resource ${base.resource} is not among the answered ones`)
      this.warn(`resource ${first.id} where ${base.resource} was asked for`, base)
    }
    this.resourceAt(own ?? first, base)
  }

  private resourceInstanceLevel(entries: readonly Entry[], base: Path): void {
    const [first] = entries
    if (first === undefined) return
    if (first.kind === Kind.MULTIPLE_RESOURCE) {
      return this.resourceInstanceLevel(readEntries(first.value), base)
    }
    if (first.kind === Kind.OBJECT_INSTANCE) this.fail('an object instance where a value belongs')
    const own = entries.find(({ id }) => id === base.resourceInstance) ?? first
    if (own.id !== base.resourceInstance) {
      this.warn(`instance ${own.id} where ${base.resourceInstance} was asked for`, base)
    }
    this.value(own.value, base)
  }

  private resources(entries: readonly Entry[], instance: Path): void {
    for (const entry of entries) this.resource(entry, instance)
  }

  private resource(entry: Entry, instance: Path): void {
    this.resourceAt(entry, instance.child(this.id(entry)))
  }

  private resourceAt(entry: Entry, path: Path): void {
    if (entry.kind === Kind.RESOURCE) this.value(entry.value, path)
    else if (entry.kind === Kind.MULTIPLE_RESOURCE) {
      this.resourceInstances(readEntries(entry.value), path)
    } else this.fail(`entry of kind ${entry.kind} where a resource belongs`)
  }

  private resourceInstances(entries: readonly Entry[], path: Path): void {
    for (const entry of entries) {
      if (entry.kind !== Kind.RESOURCE_INSTANCE) {
        this.fail(`entry of kind ${entry.kind} where a resource instance belongs`)
      }
      this.value(entry.value, path.child(this.id(entry)))
    }
  }

  private value(reader: ByteReader, path: Path): void {
    if (this.records.length >= MAX_RECORDS) this.fail(`more than ${MAX_RECORDS} values`)
    const bytes = reader.rest()
    const definition = this.context.resource?.(path)
    if (definition === undefined) {
      this.records.push({ path, value: Buffer.from(bytes) })
      return
    }
    const value = readTlvValue(bytes, definition.type)
    if (value === undefined) {
      this.warn(
        `${bytes.length} bytes are not a valid ${definition.type}, delivered as received`,
        path,
      )
    }
    this.records.push({ path, value: value ?? Buffer.from(bytes) })
  }

  private id({ id }: Entry): number {
    return id < MAX_ID ? id : this.fail(`id ${id} is reserved`)
  }

  private warn(message: string, path: Path): void {
    this.context.warn?.(`TLV: ${message}`, path)
  }
}

function header(kind: number, id: number, length: number): Buffer {
  const wideId = id > 0xff
  const idBytes = wideId ? [id >> 8, id & 0xff] : [id]
  const type = (kind << 6) | (wideId ? 0x20 : 0)
  if (length < 8) return Buffer.from([type | length, ...idBytes])
  if (length <= 0xff) return Buffer.from([type | 0x08, ...idBytes, length])
  if (length <= 0xffff) return Buffer.from([type | 0x10, ...idBytes, length >> 8, length & 0xff])
  return Buffer.from([type | 0x18, ...idBytes, length >> 16, (length >> 8) & 0xff, length & 0xff])
}

function entry(kind: number, id: number, value: Buffer): Buffer {
  if (value.length > 0xff_ffff) throw new EncodeError('a TLV value holds at most 2^24-1 bytes')
  return Buffer.concat([header(kind, id, value.length), value])
}

function encodeValue(value: Value | undefined, path: Path, context: CodecContext): Buffer {
  if (value === undefined) throw new EncodeError(`TLV needs a value for ${path}`)
  try {
    return writeTlvValue(value, context.resource?.(path)?.type ?? typeOf(value))
  } catch (error) {
    if (error instanceof CodedError) {
      throw new EncodeError(`${path}: ${error.message}`, { cause: error })
    }
    throw error
  }
}

/** Groups records by the id at a level, in order of first appearance. */
function groupBy(records: readonly Record[], level: number): Map<number, Record[]> {
  const groups = new Map<number, Record[]>()
  for (const record of records) {
    const id = record.path.ids[level]
    if (id === undefined) continue
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [record])
    else group.push(record)
  }
  return groups
}

function encodeResource(id: number, records: readonly Record[], context: CodecContext): Buffer {
  const [first] = records
  if (first === undefined) return Buffer.alloc(0)
  const { path } = first
  const isMultiple =
    path.level > Level.RESOURCE || context.resource?.(path.at(Level.RESOURCE))?.multiple === true
  if (!isMultiple) return entry(Kind.RESOURCE, id, encodeValue(first.value, path, context))
  const instances = records
    .filter((record) => record.value !== undefined)
    .map((record) =>
      entry(
        Kind.RESOURCE_INSTANCE,
        record.path.resourceInstance ?? 0,
        encodeValue(record.value, record.path, context),
      ),
    )
  return entry(Kind.MULTIPLE_RESOURCE, id, Buffer.concat(instances))
}

function encodeResources(records: readonly Record[], context: CodecContext): Buffer {
  const resources = [...groupBy(records, 2)].map(([id, own]) => encodeResource(id, own, context))
  return Buffer.concat(resources)
}

function encodeTop(records: readonly Record[], context: CodecContext): Buffer {
  switch (context.base.level) {
    case Level.OBJECT:
      return Buffer.concat(
        [...groupBy(records, 1)].map(([id, own]) =>
          entry(Kind.OBJECT_INSTANCE, id, encodeResources(own, context)),
        ),
      )
    case Level.INSTANCE:
    case Level.RESOURCE:
      return encodeResources(records, context)
    case Level.RESOURCE_INSTANCE: {
      const [only] = records
      if (only === undefined || records.length > 1) {
        throw new EncodeError('a resource instance takes one value')
      }
      const value = encodeValue(only.value, only.path, context)
      return entry(Kind.RESOURCE_INSTANCE, only.path.resourceInstance ?? 0, value)
    }
    default:
      throw new EncodeError('TLV cannot encode the root: choose a SenML format')
  }
}

export const tlv: Codec = {
  format: ContentFormat.TLV,
  legacy: [ContentFormat.LEGACY_TLV],
  name: 'application/vnd.oma.lwm2m+tlv',
  names: ['tlv'],
  since: '1.0',
  shape: 'tree',
  notation: 'binary',
  decode(bytes, context) {
    checkSize(ContentFormat.TLV, bytes)
    const fail: Fail = failure(ContentFormat.TLV, 'TLV', bytes)
    const decoder = new TlvDecoder(context, fail)
    try {
      decoder.top(readEntries(new ByteReader(bytes)), context.base)
    } catch (error) {
      if (error instanceof OutOfBounds) fail(`a length runs past the end: ${error.message}`)
      throw error
    }
    return decoder.records
  },
  encode(records, context) {
    for (const { path } of records) {
      if (!context.base.contains(path)) {
        throw new EncodeError(`${path} is not within ${context.base}`)
      }
    }
    return encodeTop(records, context)
  },
}
