/** The only placeholder there is. */
const ENDPOINT = '{endpoint}'

/** Puts the endpoint name in the place of `{endpoint}` in all texts of a value, however deep. */
export function substitute(value: unknown, endpoint: string): unknown {
  if (typeof value === 'string') return value.replaceAll(ENDPOINT, () => endpoint)
  if (Array.isArray(value)) return value.map((one) => substitute(one, endpoint))
  if (isPlainObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, substitute(one, endpoint)]),
    )
  }
  return value
}

/** A placeholder that does not exist, mostly a misspelt one; undefined when there is none. */
export function unknownPlaceholder(text: string): string | undefined {
  return text.replaceAll(ENDPOINT, '').match(/\{[^{}]*\}/)?.[0]
}

/** Whether a value is a tree to go down into, and no `Date`, bytes or object link. */
export function isPlainObject(value: unknown): value is { [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
