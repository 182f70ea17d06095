import { types } from 'node:util'
import { ObjectLink } from '../../lwm2m/value'
import { isPlainObject } from './placeholders'

/** Deeper than any configuration: an object that contains itself is refused here. */
const MAX_DEPTH = 16

/**
 * A copy of what a flow gave, down to plain objects, lists, `Buffer`s and `Date`s of this realm (a
 * Function node's objects are of another one, where `instanceof` fails). Object links become text,
 * which every reader of values takes.
 * @throws RangeError it is nested too deeply
 */
export function plainCopy(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new RangeError('it is nested too deeply')
  if (types.isUint8Array(value)) return Buffer.from(value)
  if (types.isDate(value)) return new Date(value.getTime())
  if (value instanceof ObjectLink) return value.toString()
  if (Array.isArray(value)) return value.map((one) => plainCopy(one, depth + 1))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, plainCopy(one, depth + 1)]),
  )
}
