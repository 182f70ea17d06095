/** A decimal number as text. Unambiguous, because ambiguity would take quadratic time. */
export const DECIMAL = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/

/**
 * Numbers from here on that are written to a Time are milliseconds, as from `Date.now()` and
 * Node-RED's inject node: as seconds this would be the year 5138.
 */
const FIRST_MILLISECONDS = 1e11

/**
 * Whether a number, or its text, is interpreted as milliseconds instead of seconds when written to
 * a Time.
 */
export function isMilliseconds(value: unknown): boolean {
  if (typeof value === 'string') return DECIMAL.test(value) && isMilliseconds(Number(value))
  return (typeof value === 'number' || typeof value === 'bigint') && value >= FIRST_MILLISECONDS
}
