/** A decimal number as text. Without two ways to read one text, which would take quadratic time. */
export const DECIMAL = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/

/**
 * A number from here on that is to be written as a Time is milliseconds, as `Date.now()` and Node-RED's
 * inject node give them: as seconds it would be the year 5138.
 */
const FIRST_MILLISECONDS = 1e11

/** Whether a number, or its text, is taken for milliseconds, not seconds, where a Time is written. */
export function isMilliseconds(value: unknown): boolean {
  if (typeof value === 'string') return DECIMAL.test(value) && isMilliseconds(Number(value))
  return (typeof value === 'number' || typeof value === 'bigint') && value >= FIRST_MILLISECONDS
}
