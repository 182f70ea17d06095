/** The range text of the registry, as far as it can be checked. */
export interface ValueRange {
  readonly min?: number
  readonly max?: number
  /** The values of an enumeration. */
  readonly values?: readonly number[]
  /** The meaning of the values of an enumeration, if the text has it. */
  readonly labels?: { readonly [value: number]: string }
}

/** Longer texts are prose. */
const MAX_TEXT = 500
const NUMBER = String.raw`-?\d+(?:\.\d+)?`
/** `0..100`, `1...15`, `0-255`, `0 to 5`, `[-180, 180]` */
const BOUNDS = new RegExp(
  String.raw`^\[?\s*(${NUMBER})\s*(?:\.{2,3}|-|–|to|,(?=.*\]))\s*(${NUMBER})\s*\]?$`,
  'i',
)
/** `0,1,2` */
const LIST = new RegExp(String.raw`^${NUMBER}(?:\s*[,;|]\s*${NUMBER})+$`)
/** `0: RELEASED 1: PRESSED` */
const LABELLED = /^(-?\d+)\s*:\s*(.*?)\s*(?:[,;]?\s*(?=-?\d+\s*:)|$)/

/**
 * Parses the range or enumeration of a resource as written in the OMA registry. Undefined if it has
 * no range of numbers that can be checked (lengths, prose, patterns).
 */
export function parseRange(text: string | undefined): ValueRange | undefined {
  if (text === undefined || text.length > MAX_TEXT) return undefined
  const trimmed = text.trim()
  const bounds = BOUNDS.exec(trimmed)
  if (bounds !== null) {
    const [a, b] = [Number(bounds[1]), Number(bounds[2])]
    return { min: Math.min(a, b), max: Math.max(a, b) }
  }
  if (LIST.test(trimmed)) return { values: trimmed.split(/[,;|]/).map(Number) }
  return parseLabelled(trimmed)
}

function parseLabelled(text: string): ValueRange | undefined {
  const labels: { [value: number]: string } = {}
  const values: number[] = []
  let rest = text
  while (rest !== '') {
    const match = LABELLED.exec(rest)
    if (match === null) return undefined
    const value = Number(match[1])
    values.push(value)
    labels[value] = match[2] ?? ''
    rest = rest.slice(match[0].length)
  }
  return values.length === 0 ? undefined : { values, labels }
}
