/** The values inside TLV (Core §7.4.5, appendix C). */
import type { ResourceType, Value } from '../value'
import { ObjectLink } from '../value'
import { integerOf, secondsOf, toType } from '../values'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const INT32_MAX = 0x7fff_ffff
/** ECMAScript's largest time, seconds from the epoch in both directions. */
const MAX_SECONDS = 8_640_000_000_000

/** Decodes a value of a type; undefined if the bytes are invalid (wrong length, not UTF-8). */
export function readTlvValue(bytes: Uint8Array, type: ResourceType): Value | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'Opaque':
      return Buffer.from(bytes)
    case 'String':
    case 'Corelnk':
      try {
        return utf8.decode(bytes)
      } catch {
        return undefined
      }
    case 'Integer':
      return readInteger(view, true)
    case 'Unsigned Integer':
      return readInteger(view, false)
    case 'Time': {
      const seconds = Number(readInteger(view, true) ?? NaN)
      return Math.abs(seconds) <= MAX_SECONDS ? new Date(seconds * 1000) : undefined
    }
    case 'Float':
      if (bytes.length === 4) return view.getFloat32(0)
      return bytes.length === 8 ? view.getFloat64(0) : undefined
    case 'Boolean':
      return bytes.length === 1 && view.getUint8(0) <= 1 ? view.getUint8(0) === 1 : undefined
    case 'Objlnk':
      return bytes.length === 4 ? new ObjectLink(view.getUint16(0), view.getUint16(2)) : undefined
    case 'None':
      return undefined
  }
}

function readInteger(view: DataView, signed: boolean): number | bigint | undefined {
  switch (view.byteLength) {
    case 1:
      return signed ? view.getInt8(0) : view.getUint8(0)
    case 2:
      return signed ? view.getInt16(0) : view.getUint16(0)
    case 4:
      return signed ? view.getInt32(0) : view.getUint32(0)
    case 8:
      return integerOf(signed ? view.getBigInt64(0) : view.getBigUint64(0))
    default:
      return undefined
  }
}

/** The type of a value by itself, if there is no model. */
export function typeOf(value: Value): ResourceType {
  if (typeof value === 'string') return 'String'
  if (typeof value === 'boolean') return 'Boolean'
  if (typeof value === 'bigint') return value > 2n ** 63n - 1n ? 'Unsigned Integer' : 'Integer'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'Integer' : 'Float'
  if (value instanceof Uint8Array) return 'Opaque'
  return value instanceof Date ? 'Time' : 'Objlnk'
}

/**
 * Encodes a value in its shortest form.
 * @throws ValueError if the value cannot be converted to this type
 */
export function writeTlvValue(value: Value, type: ResourceType): Buffer {
  const typed = toType(value, type)
  switch (type) {
    case 'Integer':
      return writeInteger(BigInt(typed as number | bigint))
    case 'Unsigned Integer':
      return writeUnsigned(BigInt(typed as number | bigint))
    case 'Time':
      return writeInteger(BigInt(secondsOf(typed as Date)))
    case 'Float':
      return writeFloat(typed as number)
    case 'Boolean':
      return Buffer.from([typed === true ? 1 : 0])
    case 'Opaque':
      return Buffer.from(typed as Uint8Array)
    case 'Objlnk': {
      const { objectId, instanceId } = typed as ObjectLink
      const bytes = Buffer.allocUnsafe(4)
      bytes.writeUInt16BE(objectId, 0)
      bytes.writeUInt16BE(instanceId, 2)
      return bytes
    }
    default:
      return Buffer.from(typed as string, 'utf8')
  }
}

function writeInteger(value: bigint): Buffer {
  const size = BigInt.asIntN(8, value) === value ? 1 : BigInt.asIntN(16, value) === value ? 2 : 4
  if (size < 4 || BigInt.asIntN(32, value) === value) {
    const bytes = Buffer.allocUnsafe(size)
    bytes.writeIntBE(Number(value), 0, size)
    return bytes
  }
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

function writeUnsigned(value: bigint): Buffer {
  const size = value <= 0xffn ? 1 : value <= 0xffffn ? 2 : 4
  if (value <= BigInt(INT32_MAX) * 2n + 1n) {
    const bytes = Buffer.allocUnsafe(size)
    bytes.writeUIntBE(Number(value), 0, size)
    return bytes
  }
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

function writeFloat(value: number): Buffer {
  const single = Number.isNaN(value) || Math.fround(value) === value
  const bytes = Buffer.allocUnsafe(single ? 4 : 8)
  if (single) bytes.writeFloatBE(value)
  else bytes.writeDoubleBE(value)
  return bytes
}
