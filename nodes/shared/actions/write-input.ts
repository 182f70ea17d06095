import type {
  AttributeSet,
  ExecuteArguments,
  ResourceValue as Value,
  WriteInput,
} from '../../../src'
import { asValue } from '../../../src/internal'
import { ArgumentError } from '../messages/fields'

/** An object as flows make them, or an array: what has values inside. */
function isTree(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && asValue(value) === undefined
}

/**
 * Whether a message's value is one that can be written: a value, or an object or array of such by id
 * or name. What type it must have is the server's to say, which knows the resource.
 * @throws ArgumentError
 */
export function writeInput(payload: unknown): WriteInput {
  if (payload === undefined || payload === null) {
    throw new ArgumentError('no value to write: set it in the dialog or in msg.payload')
  }
  checkWritable(payload, 'the value', 0)
  return payload as WriteInput
}

function checkWritable(value: unknown, place: string, depth: number): void {
  if (asValue(value) !== undefined) return
  if (!isTree(value) || depth > 4) {
    throw new ArgumentError(
      `${place} cannot be written: it must be a value, or an object of values by resource id or name`,
    )
  }
  for (const [key, child] of Object.entries(value)) {
    checkWritable(child, JSON.stringify(key.slice(0, 40)), depth + 1)
  }
}

/** Values by path (`null` deletes, 1.2); relative ones lie below `base`. @throws ArgumentError */
export function compositeInput(payload: unknown, base = '/'): { [path: string]: Value } {
  if (!isTree(payload) || Array.isArray(payload) || Object.keys(payload).length === 0) {
    throw new ArgumentError('to write several paths, give an object of values by path')
  }
  const values: { [path: string]: Value } = {}
  for (const [path, value] of Object.entries(payload)) {
    if (value !== null) checkWritable(value, JSON.stringify(path.slice(0, 40)), 0)
    const absolute = path.startsWith('/') ? path : `${base.replace(/\/$/, '')}/${path}`
    values[absolute] = value as Value
  }
  return values
}

const ATTRIBUTES = [
  'pmin',
  'pmax',
  'gt',
  'lt',
  'st',
  'epmin',
  'epmax',
  'edge',
  'con',
  'hqmax',
] as const

/** Attributes that are 0 or 1: `true` and `false` say it, too. */
const FLAGS: readonly string[] = ['edge', 'con']

/**
 * Attributes by name; `null` or empty text unsets one at that level. Text of digits is a number, as
 * MQTT gateways send it.
 * @throws ArgumentError
 */
export function attributeSet(value: unknown): AttributeSet {
  if (!isTree(value) || Array.isArray(value)) {
    throw new ArgumentError('attributes must be an object such as {"pmin": 10, "pmax": 60}')
  }
  const set: { [name: string]: number | null } = {}
  for (const [name, given] of Object.entries(value)) {
    if (!(ATTRIBUTES as readonly string[]).includes(name)) {
      throw new ArgumentError(
        `unknown attribute ${JSON.stringify(name)}, expected one of ${ATTRIBUTES.join(', ')}`,
      )
    }
    if (given === undefined) continue
    if (given === null || given === '') {
      set[name] = null
      continue
    }
    if (typeof given === 'boolean' && FLAGS.includes(name)) {
      set[name] = given ? 1 : 0
      continue
    }
    const isText = typeof given === 'string' && given.trim() !== ''
    const number = isText || typeof given === 'number' ? Number(given) : NaN
    if (!Number.isFinite(number)) {
      throw new ArgumentError(`${name} must be a number, or null to unset it`)
    }
    set[name] = number
  }
  return set
}

/**
 * Arguments of Execute: text as the specification writes it (`0='a',1`), an object by digit, an array
 * of texts, or nothing.
 * @throws ArgumentError
 */
export function executeArguments(value: unknown): ExecuteArguments | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value
  if (!isTree(value)) throw new ArgumentError('arguments must be text or an object by digit')
  const args: { [digit: number]: string | undefined } = {}
  for (const [digit, argument] of Object.entries(value)) {
    if (!/^\d$/.test(digit)) throw new ArgumentError('argument numbers must be 0 to 9')
    args[Number(digit)] = argument === undefined || argument === null ? undefined : String(argument)
  }
  return args
}
