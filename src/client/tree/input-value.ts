import { isMilliseconds } from '../../lwm2m/milliseconds'
import type { ResourceType } from '../../lwm2m/value'
import { ObjectLink, ValueError, type Value } from '../../lwm2m/value'
import type { InputValue } from '../types'

/**
 * Converts a value from a description or a flow to the type of the resource. JSON has no bytes,
 * dates or links: base64 represents Opaque, Unix seconds (milliseconds from 1e11 on) or ISO 8601
 * Time, `"66:0"` Objlnk.
 * @throws ValueError if it is of another type or out of range; nothing is rounded or truncated
 */
export function toValue(input: InputValue, type: ResourceType): Value {
  switch (type) {
    case 'String':
    case 'Corelnk':
      if (typeof input === 'object') throw mismatch(input, type)
      return String(input)
    case 'Integer':
      return integer(input, type, -(2n ** 63n), 2n ** 63n - 1n)
    case 'Unsigned Integer':
      return integer(input, type, 0n, 2n ** 64n - 1n)
    case 'Float':
      return float(input, type)
    case 'Boolean':
      return boolean(input, type)
    case 'Opaque':
      return bytes(input, type)
    case 'Time':
      return time(input, type)
    case 'Objlnk':
      if (input instanceof ObjectLink) return input
      if (typeof input === 'string') return ObjectLink.parse(input)
      throw mismatch(input, type)
    case 'None':
      throw new ValueError('an executable resource has no value')
  }
}

/** Infers the type of a resource that no model defines from its value. */
export function inferType(input: InputValue): ResourceType {
  if (input instanceof Date) return 'Time'
  if (input instanceof Uint8Array) return 'Opaque'
  if (input instanceof ObjectLink) return 'Objlnk'
  switch (typeof input) {
    case 'boolean':
      return 'Boolean'
    case 'bigint':
      return 'Integer'
    case 'number':
      // A reading of 21 may be 21.5 later.
      return 'Float'
    default:
      return 'String'
  }
}

function mismatch(input: unknown, type: ResourceType): ValueError {
  const text = typeof input === 'string' ? JSON.stringify(input.slice(0, 40)) : String(input)
  return new ValueError(`${text} is not a valid ${type}`)
}

function integer(input: InputValue, type: ResourceType, min: bigint, max: bigint): number | bigint {
  let whole: bigint
  if (typeof input === 'bigint') whole = input
  else if (typeof input === 'number' && Number.isInteger(input)) whole = BigInt(input)
  else if (typeof input === 'string' && /^[+-]?\d{1,20}$/.test(input.trim())) {
    whole = BigInt(input.trim().replace(/^\+/, ''))
  } else throw mismatch(input, type)
  if (whole < min || whole > max) throw new ValueError(`${whole} is out of range for ${type}`)
  const number = Number(whole)
  return Number.isSafeInteger(number) ? number : whole
}

function float(input: InputValue, type: ResourceType): number {
  if (typeof input === 'number') return input
  if (typeof input === 'bigint') return Number(input)
  if (typeof input === 'string' && input.trim() !== '') {
    const number = Number(input)
    if (!Number.isNaN(number)) return number
  }
  throw mismatch(input, type)
}

function boolean(input: InputValue, type: ResourceType): boolean {
  if (typeof input === 'boolean') return input
  if (input === 1 || input === '1' || input === 'true') return true
  if (input === 0 || input === '0' || input === 'false') return false
  throw mismatch(input, type)
}

function bytes(input: InputValue, type: ResourceType): Uint8Array {
  if (input instanceof Uint8Array) return input
  if (typeof input === 'string' && /^[\w+/-]*={0,2}$/.test(input)) {
    return Buffer.from(input, 'base64url')
  }
  throw mismatch(input, type)
}

function time(input: InputValue, type: ResourceType): Date {
  let ms = NaN
  if (input instanceof Date) ms = input.getTime()
  else if (typeof input !== 'string' && isMilliseconds(input)) ms = Number(input)
  else if (typeof input === 'number' || typeof input === 'bigint') ms = Number(input) * 1000
  else if (typeof input === 'string') {
    ms = isMilliseconds(input)
      ? Number(input)
      : /^-?\d+$/.test(input)
        ? Number(input) * 1000
        : Date.parse(input)
  }
  // The range of a Date ends at ±8.64e15 ms.
  if (!(Math.abs(ms) <= 8.64e15)) throw mismatch(input, type)
  return new Date(ms)
}
