/** The notification attributes of Write-Attributes and Observe (Core §5.1.2, §6.3.4). */
import { CodedError } from '../base/coded-error'
import { decimalText } from './decimal'
import { Level } from './path'
import { compareVersions } from './versions'

/**
 * An attribute or its value is not allowed by the specification; the message says what is allowed.
 */
export class AttributeError extends CodedError {
  constructor(message: string) {
    super('invalid-attributes', message)
  }
}

/** Attributes to set; `null` unsets one at its level. Periods are in whole seconds. */
export interface AttributeSet {
  /** Minimum period between notifications. */
  readonly pmin?: number | null
  /** Maximum period between notifications; 0 means none. */
  readonly pmax?: number | null
  /** Notify when the value crosses this. */
  readonly gt?: number | null
  /** Notify when the value crosses this. */
  readonly lt?: number | null
  /** Notify when the value changed by this much. */
  readonly st?: number | null
  /** Minimum period between evaluations (since 1.1). */
  readonly epmin?: number | null
  /** Maximum period between evaluations (since 1.1). */
  readonly epmax?: number | null
  /** 1: notify on the rising edge of a Boolean, 0: on the falling one (since 1.2). */
  readonly edge?: number | null
  /** 1: notify confirmably (since 1.2). */
  readonly con?: number | null
  /** Number of past values that the device keeps while it has no connection (since 1.2). */
  readonly hqmax?: number | null
}

export type AttributeName = keyof AttributeSet

/** Rule of the specification for one attribute. */
export interface AttributeRule {
  readonly since: '1.0' | '1.1' | '1.2'
  readonly kind: 'seconds' | 'count' | 'number' | 'step' | 'flag'
  /** Applies to a single value: allowed only for resources and their instances. */
  readonly ofValue?: true
}

const RULES: { readonly [N in AttributeName]-?: AttributeRule } = {
  pmin: { since: '1.0', kind: 'seconds' },
  pmax: { since: '1.0', kind: 'seconds' },
  gt: { since: '1.0', kind: 'number', ofValue: true },
  lt: { since: '1.0', kind: 'number', ofValue: true },
  st: { since: '1.0', kind: 'step', ofValue: true },
  epmin: { since: '1.1', kind: 'seconds' },
  epmax: { since: '1.1', kind: 'seconds' },
  edge: { since: '1.2', kind: 'flag', ofValue: true },
  con: { since: '1.2', kind: 'flag' },
  hqmax: { since: '1.2', kind: 'count' },
}

/** All attributes, in the order in which they are written. */
export const ATTRIBUTE_NAMES = Object.keys(RULES) as readonly AttributeName[]

export function attributeRule(name: AttributeName): AttributeRule {
  return RULES[name]
}

export function isAttributeName(name: string): name is AttributeName {
  return Object.hasOwn(RULES, name)
}

/** The device and path for which attributes are checked. */
export interface AttributeTarget {
  /** LwM2M version of the device. */
  readonly version: string
  /** Level of the path at which they are set; see {@link Level}. Default: any. */
  readonly level?: number
}

/** A number, null or undefined; messages may contain anything else. */
function checkValue(name: AttributeName, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new AttributeError(`${name} is a number or null, not ${JSON.stringify(value)}`)
  }
  switch (RULES[name].kind) {
    case 'seconds':
      if (!Number.isInteger(value) || value < 0) {
        throw new AttributeError(`${name} is a whole number of seconds, not ${value}`)
      }
      return value
    case 'count':
      if (!Number.isInteger(value) || value < 0) {
        throw new AttributeError(`${name} is a whole number, not ${value}`)
      }
      return value
    case 'step':
      if (value < 0) throw new AttributeError(`${name} is a distance, so not negative: ${value}`)
      return value
    case 'flag':
      if (value !== 0 && value !== 1) throw new AttributeError(`${name} is 0 or 1, not ${value}`)
      return value
    case 'number':
      return value
  }
}

/**
 * Checks for errors that a device would reject with 4.00 (Core §5.1.2, §7.3.2). Negative thresholds
 * are allowed: their exclusion by the ABNF is a known error of the specification.
 * @throws AttributeError
 */
export function checkAttributes(attributes: AttributeSet, target: AttributeTarget): void {
  for (const name of Object.keys(attributes)) {
    if (!isAttributeName(name)) {
      throw new AttributeError(
        `unknown attribute ${name}, expected one of ${ATTRIBUTE_NAMES.join(', ')}`,
      )
    }
    if (attributes[name] === undefined) continue
    const { since, ofValue } = RULES[name]
    if (compareVersions(target.version, since) < 0) {
      throw new AttributeError(`${name} exists since LwM2M ${since}; this is ${target.version}`)
    }
    const value = checkValue(name, attributes[name])
    if (ofValue && value !== undefined && (target.level ?? Level.RESOURCE) < Level.RESOURCE) {
      throw new AttributeError(`${name} belongs to a resource, not to an object or its instance`)
    }
  }
  checkTogether(attributes)
}

/**
 * Describes thresholds that could never be met together; undefined if they are consistent (Core
 * §7.3.2: `lt < gt`, `lt + 2·st < gt`).
 */
export function thresholdProblem({
  gt,
  lt,
  st,
}: {
  readonly [N in 'gt' | 'lt' | 'st']?: number | null
}): string | undefined {
  if (typeof gt !== 'number' || typeof lt !== 'number') return undefined
  if (lt >= gt) return `lt (${lt}) must be less than gt (${gt})`
  if (typeof st === 'number' && lt + 2 * st >= gt) {
    return `lt + 2·st (${lt + 2 * st}) must be less than gt (${gt})`
  }
  return undefined
}

/** The rules between attributes. @throws AttributeError */
function checkTogether({ pmin, pmax, epmin, epmax, gt, lt, st }: AttributeSet): void {
  if (typeof pmin === 'number' && typeof pmax === 'number' && pmax !== 0 && pmax < pmin) {
    throw new AttributeError(`pmax (${pmax}) is less than pmin (${pmin})`)
  }
  if (typeof epmin === 'number' && typeof epmax === 'number' && epmax <= epmin) {
    throw new AttributeError(`epmax (${epmax}) has to be more than epmin (${epmin})`)
  }
  const problem = thresholdProblem({ gt, lt, st })
  if (problem !== undefined) throw new AttributeError(problem)
}

/** One Uri-Query per attribute: `pmin=10`; `pmin` alone unsets it. */
export function formatAttributeQuery(attributes: AttributeSet): string[] {
  return ATTRIBUTE_NAMES.flatMap((name) => {
    const value = attributes[name]
    if (value === undefined) return []
    return [value === null ? name : `${name}=${decimalText(value)}`]
  })
}

/**
 * Parses the queries of Write-Attributes or Observe.
 * @throws AttributeError for unknown, repeated or malformed ones
 */
export function parseAttributeQuery(query: readonly string[]): AttributeSet {
  const attributes: { [N in AttributeName]?: number | null } = {}
  for (const part of query) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    if (!isAttributeName(name)) {
      throw new AttributeError(`unknown attribute ${JSON.stringify(name.slice(0, 40))}`)
    }
    if (attributes[name] !== undefined) throw new AttributeError(`${name} occurs twice`)
    attributes[name] = parseAttribute(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return attributes
}

/** Parses one attribute, `null` from an empty text. @throws AttributeError */
export function parseAttribute(name: AttributeName, text: string): number | null {
  if (text === '') return null
  if (!/^[+-]?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?$/.test(text)) {
    throw new AttributeError(`${name} is a number, not ${JSON.stringify(text.slice(0, 40))}`)
  }
  return checkValue(name, Number(text)) ?? null
}
