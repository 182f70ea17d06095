import {
  type AttributeSet,
  Lwm2mPath as Path,
  type ObserveCriteria,
  type ObserveRequest,
} from '../../../src'
import { ArgumentError, splitPaths } from '../messages/fields'
import type { NodeMessage } from '../runtime/red'
import type { Settings } from '../runtime/settings'
import { attributeSet } from '../actions/write-input'

const CRITERIA = ['pmin', 'pmax', 'gt', 'lt', 'st'] as const
const DEVICE_ATTRIBUTES = ['epmin', 'epmax', 'edge', 'con', 'hqmax'] as const

/** What is wanted of whom: plain data, so that it can be kept. */
export interface NodeSubscription {
  readonly target: string
  readonly paths: readonly string[]
  readonly criteria?: ObserveCriteria
  readonly attributes?: AttributeSet
  /** Content-Format asked for, before that of the dialog. */
  readonly format?: number
  /** Properties that its messages have besides, such as a request's id. */
  readonly message?: { readonly [property: string]: unknown }
}

/** What all subscriptions of a node have in common. */
export interface SubscriptionDefaults {
  readonly criteria: ObserveCriteria
  readonly attributes: AttributeSet
  readonly format: number | undefined
  readonly includeSend: boolean
}

/** Two subscriptions with the same key are the same observation. */
export function subscriptionKey({ target, paths }: NodeSubscription): string {
  return `${target} ${paths.join(' ')}`
}

/** @throws PathError, ArgumentError */
export function makeSubscription(
  target: string,
  paths: readonly string[],
  more: Partial<NodeSubscription> = {},
): NodeSubscription {
  if (target === '') throw new ArgumentError('no endpoint: set it in the dialog or in msg.endpoint')
  if (paths.length === 0) {
    throw new ArgumentError('no path: set it in the dialog or in msg.path, such as /3/0/9')
  }
  return { ...more, target, paths: paths.map((path) => Path.parse(path).toString()) }
}

/** The criteria and attributes of the dialog. @throws SettingError */
export function readSubscriptionDefaults(
  settings: Settings,
  format: number | undefined,
): SubscriptionDefaults {
  const criteria: { -readonly [K in keyof ObserveCriteria]: ObserveCriteria[K] } = {}
  for (const name of CRITERIA) {
    const value = settings.number(name, name.startsWith('p') || name === 'st' ? { min: 0 } : {})
    if (value !== undefined) criteria[name] = value
  }
  if (settings.flag('changeOnly')) criteria.changeOnly = true
  const attributes: { [name: string]: number } = {}
  for (const name of DEVICE_ATTRIBUTES) {
    const value = settings.number(name, { min: 0 })
    if (value !== undefined) attributes[name] = value
  }
  return { criteria, attributes, format, includeSend: settings.flag('includeSend') }
}

/** `msg.criteria`: pmin, pmax, gt, lt, st and changeOnly, and the attributes of the device. */
export function messageCriteria(
  message: NodeMessage,
): Pick<NodeSubscription, 'criteria' | 'attributes'> {
  const given = message['criteria']
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object') throw new ArgumentError('msg.criteria must be an object')
  const { changeOnly, ...numbers } = given as { readonly [name: string]: unknown }
  const criteria: { [name: string]: number | boolean } = {}
  const attributes: { [name: string]: number | null } = {}
  for (const [name, value] of Object.entries(attributeSet(numbers))) {
    if (typeof value === 'number' && (CRITERIA as readonly string[]).includes(name)) {
      criteria[name] = value
    } else if ((DEVICE_ATTRIBUTES as readonly string[]).includes(name)) {
      attributes[name] = value as number | null
    }
  }
  if (changeOnly !== undefined && typeof changeOnly !== 'boolean') {
    throw new ArgumentError('msg.criteria.changeOnly must be true or false')
  }
  if (changeOnly !== undefined) criteria['changeOnly'] = changeOnly
  return { criteria, attributes }
}

/** The request of a subscription: its own criteria come before those of the dialog. */
export function observeRequest(
  subscription: NodeSubscription,
  defaults: SubscriptionDefaults,
): ObserveRequest {
  const criteria = { ...defaults.criteria, ...subscription.criteria }
  const attributes = { ...defaults.attributes, ...subscription.attributes }
  const format = subscription.format ?? defaults.format
  return {
    target: subscription.target,
    paths: subscription.paths,
    ...(Object.keys(criteria).length === 0 ? {} : { criteria }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(format === undefined ? {} : { format }),
    ...(defaults.includeSend ? { includeSend: true } : {}),
  }
}

/** Subscriptions as they were kept; what is none of ours is left out. */
export function restoreSubscriptions(kept: unknown): NodeSubscription[] {
  if (!Array.isArray(kept)) return []
  return kept.flatMap((one: unknown): NodeSubscription[] => {
    if (typeof one !== 'object' || one === null) return []
    const { target, paths, ...more } = one as Partial<NodeSubscription>
    if (typeof target !== 'string') return []
    try {
      return [makeSubscription(target, splitPaths(paths), more)]
    } catch {
      return []
    }
  })
}
