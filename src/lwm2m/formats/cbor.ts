/** application/cbor (Core 1.1 §7.4.3): one value. */
import { Level } from '../path'
import { ObjectLink, type ResourceType, type Value } from '../value'
import { coerce, secondsOf } from '../values'
import { type CborValue, cborInteger, cborNumber, decodeCbor, encodeCbor } from './cbor-bytes'
import { type Codec, ContentFormat, DecodeError } from './codec'
import { baseType, onlyValue } from './single'

/** The head of tag 1. */
const EPOCH_TIME = Buffer.from([0xc1])

/** A CBOR item as a value; undefined for what a resource cannot hold (arrays, maps, null). */
export function fromCbor(item: CborValue): Value | undefined {
  if (typeof item === 'string' || typeof item === 'boolean' || item instanceof Date) return item
  if (item instanceof Uint8Array) return Buffer.from(item)
  return cborNumber(item)
}

/** A value as a CBOR item: Objlnk as text, Time as whole seconds (Core appendix C). */
export function toCbor(value: Value, type: ResourceType | undefined): CborValue {
  if (value instanceof Date) return cborInteger(secondsOf(value))
  if (value instanceof ObjectLink) return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value)
  const isInteger = type !== 'Float' && (typeof value === 'number' || typeof value === 'bigint')
  return isInteger ? cborInteger(value) : value
}

export const cbor: Codec = {
  format: ContentFormat.CBOR,
  name: 'application/cbor',
  names: ['cbor'],
  since: '1.1',
  shape: 'value',
  notation: 'cbor',
  decode(bytes, context) {
    const { base: path, warn } = context
    if (path.level < Level.RESOURCE) {
      throw new DecodeError(ContentFormat.CBOR, `one CBOR value cannot answer for ${path}`, bytes)
    }
    const item = decodeCbor(ContentFormat.CBOR, bytes, (message) => warn?.(message, path))
    const value = fromCbor(item)
    if (value === undefined) {
      throw new DecodeError(ContentFormat.CBOR, 'the CBOR item is not a single value', bytes)
    }
    const type = baseType(context)
    return [
      {
        path,
        value: type === undefined ? value : coerce(value, type, (message) => warn?.(message, path)),
      },
    ]
  },
  encode(records, context) {
    const { value, type } = onlyValue(records, context, 'application/cbor')
    const item = encodeCbor(toCbor(value, type))
    // Clients reject a time without the tag of RFC 8949 §3.4.2.
    return value instanceof Date ? Buffer.concat([EPOCH_TIME, item]) : item
  },
}
