import type { NodeMessage } from '../runtime/red'

/** Larger properties are not kept with a queued request, characters of JSON. */
const MAX_PROPERTY = 16 * 1024

/**
 * What of a message can be kept over a restart: its JSON properties of moderate size. HTTP request and
 * response objects, functions and bytes cannot.
 */
export function keepable(message: NodeMessage): { [property: string]: unknown } {
  const kept: { [property: string]: unknown } = {}
  for (const [name, value] of Object.entries(message)) {
    if (isPlain(value)) {
      const json = JSON.stringify(value)
      if (json.length <= MAX_PROPERTY) kept[name] = JSON.parse(json)
    }
  }
  return kept
}

/** Whether JSON says all of a value. Bounded in depth, so that a cycle is none. */
function isPlain(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > 8) return false
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  // The objects of Function nodes have a root prototype of their own, that of their context.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return false
  return Object.values(value).every((item) => isPlain(item, depth + 1))
}
