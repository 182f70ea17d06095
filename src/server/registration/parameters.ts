/** The Uri-Query parameters of Register and Update (Core §6.2.1, §6.2.2), checked. */
import { Code } from '../../coap/codes'
import { endpointProblem, quoteName } from '../endpoint-name'
import type { Lwm2mVersion } from '../types'
import { RegistrationRefused } from './registration-refused'

/** What Register and Update may both say. `undefined` where nothing was said. */
export interface UpdateParameters {
  /** Seconds; 0 for a registration that does not expire. */
  readonly lifetime: number | undefined
  /** Without Q. */
  readonly binding: string | undefined
  readonly queueMode: boolean | undefined
  readonly sms: string | undefined
  /** As sent, quotes removed: one or several profile ids, separated by commas. */
  readonly profileId: string | undefined
  /** Parameters that the specification does not know. */
  readonly attributes: { readonly [name: string]: string }
}

export interface RegisterParameters extends UpdateParameters {
  readonly endpoint: string | undefined
  readonly version: Lwm2mVersion
  readonly binding: string
  readonly queueMode: boolean
}

/** One object for the many that have none. */
export const NO_ATTRIBUTES: { readonly [name: string]: string } = Object.freeze({})

/** Unknown parameters kept of one registration. */
const MAX_ATTRIBUTES = 32
/** The Lifetime resource is written into 32 bits by every client we know. */
const MAX_LIFETIME = 0xffff_ffff
/** Bindings of 1.0 with their queue mode inside (TS 1.0 §5.3.1.1). */
const BINDINGS_1_0: { readonly [binding: string]: readonly [binding: string, queue: boolean] } = {
  U: ['U', false],
  UQ: ['U', true],
  S: ['S', false],
  SQ: ['S', true],
  US: ['US', false],
  UQS: ['US', true],
}
const BINDING_1_1 = /^(?!.*(.).*\1)[UTSN]+$/
const BINDING_1_2 = /^(?!.*(.).*\1)[UTSNMH]+$/
const PROFILE_ID = /^(\d{1,3}:[0-9a-f]+|(oma|v):[0-9A-Za-z-]+)$/

/** The attributes of a registration after an Update. @throws RegistrationRefused 4.00 for too many */
export function mergeAttributes(
  old: { readonly [name: string]: string },
  said: { readonly [name: string]: string },
): { readonly [name: string]: string } {
  const merged = Object.fromEntries([...Object.entries(old), ...Object.entries(said)])
  if (Object.keys(merged).length > MAX_ATTRIBUTES) refuse('too many query parameters')
  return Object.freeze(merged)
}

/** What was in a query: names in order, `undefined` for a valueless one. */
type Query = Map<string, string | undefined>

function refuse(reason: string): never {
  throw new RegistrationRefused(Code.BAD_REQUEST, reason)
}

function parseQuery(options: readonly string[]): Query {
  const query: Query = new Map()
  for (const option of options) {
    if (option === '') continue
    const at = option.indexOf('=')
    const name = at < 0 ? option : option.slice(0, at)
    if (name === '') refuse('a query parameter has no name')
    if (query.has(name)) refuse(`${name} occurs twice`)
    query.set(name, at < 0 ? undefined : option.slice(at + 1))
  }
  return query
}

/** The value of a parameter that may be missing but not empty. */
function valueOf(query: Query, name: string): string | undefined {
  if (!query.has(name)) return undefined
  const value = query.get(name)
  if (value === undefined || value === '') refuse(`${name} has no value`)
  return value
}

function parseVersion(query: Query, missing: Lwm2mVersion | undefined): Lwm2mVersion {
  const value = valueOf(query, 'lwm2m')
  if (value === undefined) return missing ?? refuse('lwm2m is missing')
  // 1.1.1 and the like name a specification document; the enabler version is 1.1.
  const match = /^(\d+\.\d+)(\.\d+)?$/.exec(value)
  if (match === null && !/^\d+$/.test(value)) refuse('lwm2m is not a version')
  const version = match?.[1]
  if (version === '1.0' || version === '1.1' || version === '1.2') return version
  throw new RegistrationRefused(
    Code.PRECONDITION_FAILED,
    'LwM2M 1.0, 1.1 and 1.2 are supported',
    'version-unsupported',
  )
}

function parseLifetime(query: Query, version: Lwm2mVersion): number | undefined {
  const value = valueOf(query, 'lt')
  if (value === undefined) return undefined
  const lifetime = /^\d{1,10}$/.test(value) ? Number(value) : NaN
  if (!(lifetime <= MAX_LIFETIME)) refuse(`lt is not a number of seconds up to ${MAX_LIFETIME}`)
  if (lifetime === 0 && version === '1.0') refuse('lt=0 is not of LwM2M 1.0')
  return lifetime
}

/** The binding and, from a 1.0 binding, the queue mode. */
function parseBinding(
  query: Query,
  version: Lwm2mVersion,
): readonly [binding: string, queue: boolean] | undefined {
  const value = valueOf(query, 'b')
  if (value === undefined) return undefined
  if (version === '1.0') {
    const known = Object.hasOwn(BINDINGS_1_0, value) ? BINDINGS_1_0[value] : undefined
    return known ?? refuse('b must be one of U, UQ, S, SQ, US, UQS')
  }
  const allowed = version === '1.1' ? BINDING_1_1 : BINDING_1_2
  if (!allowed.test(value)) {
    refuse(`b must be a combination of ${version === '1.1' ? 'U, T, S, N' : 'U, T, S, N, M, H'}`)
  }
  return [value, false]
}

/** Q of 1.1: valueless. `Q=` is what some URI libraries make of it. */
function parseQueue(query: Query, version: Lwm2mVersion): boolean {
  if (!query.has('Q')) return false
  if ((query.get('Q') ?? '') !== '') refuse('Q takes no value')
  if (version === '1.0') refuse('in LwM2M 1.0 queue mode is a letter of b')
  return true
}

function parseSms(query: Query): string | undefined {
  const value = valueOf(query, 'sms')
  if (value !== undefined && !/^\+?\d{1,20}$/.test(value)) refuse('sms is not an MSISDN')
  return value
}

/** Core 1.2 §6.2.1: one profile id, or several in double quotes. */
function parseProfile(query: Query, version: Lwm2mVersion): string | undefined {
  if (version !== '1.2') return undefined
  const value = valueOf(query, 'pid')
  if (value === undefined) return undefined
  const list = /^"(.*)"$/.exec(value)?.[1] ?? value
  if (!list.split(',').every((id) => PROFILE_ID.test(id))) refuse('pid is not a profile id')
  return list
}

function attributesOf(
  query: Query,
  known: ReadonlySet<string>,
): { readonly [name: string]: string } {
  let attributes: [name: string, value: string][] | undefined
  for (const [name, value] of query) {
    if (known.has(name)) continue
    attributes ??= []
    if (attributes.push([name, value ?? '']) > MAX_ATTRIBUTES) refuse('too many query parameters')
  }
  // fromEntries defines: a parameter called __proto__ is a property like any other.
  return attributes === undefined ? NO_ATTRIBUTES : Object.freeze(Object.fromEntries(attributes))
}

/** @throws RegistrationRefused 4.00 */
export function checkEndpoint(name: string): void {
  const problem = endpointProblem(name)
  if (problem !== undefined) refuse(`the endpoint name ${quoteName(name)} ${problem}`)
}

/** Who a refused Register says it is from, for the operator: not proven, and nothing where it is unreadable. */
export function claimedEndpoint(options: readonly string[]): string | undefined {
  const value = options.find((option) => option.startsWith('ep='))?.slice('ep='.length)
  return value === undefined || endpointProblem(value) !== undefined ? undefined : value
}

const UPDATE_1_1 = new Set(['lt', 'b', 'Q', 'sms'])
const UPDATE_1_2 = new Set([...UPDATE_1_1, 'pid'])
const REGISTER_1_1 = new Set([...UPDATE_1_1, 'ep', 'lwm2m'])
const REGISTER_1_2 = new Set([...REGISTER_1_1, 'pid'])

/**
 * Reads the query of a Register.
 * @param missing the LwM2M version where none is said; undefined to refuse that
 * @throws RegistrationRefused 4.00, or 4.12 for a version that is not supported
 */
export function parseRegister(
  options: readonly string[],
  missing?: Lwm2mVersion,
): RegisterParameters {
  const query = parseQuery(options)
  const version = parseVersion(query, missing)
  const binding = parseBinding(query, version)
  const queue = parseQueue(query, version)
  return {
    endpoint: valueOf(query, 'ep'),
    version,
    lifetime: parseLifetime(query, version),
    binding: binding?.[0] ?? 'U',
    queueMode: queue || (binding?.[1] ?? false),
    sms: parseSms(query),
    profileId: parseProfile(query, version),
    attributes: attributesOf(query, version === '1.2' ? REGISTER_1_2 : REGISTER_1_1),
  }
}

/**
 * Reads the query of an Update of a device that registered with `version`. From 1.1 on, Q can be
 * switched on by an Update, but not off: its absence says nothing.
 * @throws RegistrationRefused 4.00
 */
export function parseUpdate(options: readonly string[], version: Lwm2mVersion): UpdateParameters {
  const query = parseQuery(options)
  const binding = parseBinding(query, version)
  const queue = parseQueue(query, version)
  // Some clients repeat what they registered with; it cannot change by an Update.
  query.delete('ep')
  query.delete('lwm2m')
  return {
    lifetime: parseLifetime(query, version),
    binding: binding?.[0],
    queueMode: queue ? true : version === '1.0' ? binding?.[1] : undefined,
    sms: parseSms(query),
    profileId: parseProfile(query, version),
    attributes: attributesOf(query, version === '1.2' ? UPDATE_1_2 : UPDATE_1_1),
  }
}
