/** What a registry's range text says, as far as it can be checked. */
export interface ValueRange {
  readonly min?: number
  readonly max?: number
  /** The values of an enumeration. */
  readonly values?: readonly number[]
}

/**
 * Reads the range or enumeration of a resource as the OMA registry writes it: `0..100`, `0-255`,
 * `[-180, 180]`, `1,2,5`. Undefined where it says nothing about a number (lengths, prose, patterns).
 */
export function parseRange(text: string | undefined): ValueRange | undefined {
  if (text === undefined) return undefined
  const trimmed = text.trim()
  const bounds =
    /^\[?\s*(-?\d+(?:\.\d+)?)\s*(?:\.{2,3}|-|–|to)\s*(-?\d+(?:\.\d+)?)\s*\]?$/i.exec(trimmed) ??
    /^\[\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\]$/.exec(trimmed)
  if (bounds !== null) {
    const [min, max] = [Number(bounds[1]), Number(bounds[2])]
    return min <= max ? { min, max } : undefined
  }
  if (/^-?\d+(\s*[,;|]\s*-?\d+)+$/.test(trimmed)) {
    return { values: trimmed.split(/[,;|]/).map(Number) }
  }
  return undefined
}
