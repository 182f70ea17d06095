import { ATTRIBUTE_NAMES, type AttributeName, type AttributeSet } from '../../lwm2m/attributes'
import type { ObserveCriteria } from '../types'

/** The criteria and attributes that one subscriber asks for. */
export interface AttributeRequest {
  readonly criteria?: ObserveCriteria
  readonly attributes?: AttributeSet
}

type MutableAttributes = { -readonly [N in AttributeName]?: number | null }

/** What holds for all: undefined where one differs. */
function common<T>(values: readonly (T | undefined)[]): T | undefined {
  const first = values[0]
  return values.every((value) => value === first) ? first : undefined
}

/**
 * The attributes for a device that let no subscriber miss anything: the shortest pmin (none, where
 * one has none), the shortest pmax, and gt, lt, st only where all agree on the three. What
 * subscribers state as attributes goes as it is, the first one's value where they differ.
 */
export function mergeAttributes(requests: readonly AttributeRequest[]): AttributeSet {
  const merged: MutableAttributes = {}
  const all = requests.map((request) => request.criteria ?? {})
  if (all.length > 0) {
    // Attributes are whole seconds: rounded so that the device is never stricter than asked for.
    const pmin = Math.floor(Math.min(...all.map((criteria) => criteria.pmin ?? 0)))
    if (pmin > 0) merged.pmin = pmin
    const pmax = Math.min(...all.map((criteria) => criteria.pmax ?? Infinity))
    if (pmax !== Infinity) merged.pmax = Math.max(1, pmin, Math.floor(pmax))
    const agreed = common(all.map(({ gt, lt, st }) => JSON.stringify([gt, lt, st])))
    if (agreed !== undefined) {
      for (const name of ['gt', 'lt', 'st'] as const) {
        const value = all[0]?.[name]
        if (value !== undefined) merged[name] = value
      }
    }
  }
  for (const { attributes } of [...requests].reverse()) {
    for (const name of ATTRIBUTE_NAMES) {
      const value = attributes?.[name]
      if (value !== undefined) merged[name] = value
    }
  }
  return merged
}

/** What has to be written to come from one set to the other; undefined when nothing has. */
export function attributeChanges(from: AttributeSet, to: AttributeSet): AttributeSet | undefined {
  const changes: MutableAttributes = {}
  let changed = false
  for (const name of ATTRIBUTE_NAMES) {
    const target = to[name] ?? null
    if ((from[name] ?? null) === target && !(to[name] === null && from[name] === undefined))
      continue
    changes[name] = target
    changed = true
  }
  return changed ? changes : undefined
}
