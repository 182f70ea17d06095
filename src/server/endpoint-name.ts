/** Longest endpoint name taken, bytes. */
const MAX_ENDPOINT = 255

/** C0, C1, line separators, and what turns the direction of writing: invisible, or showing another name. */
const CONTROL = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
/** White space; `\s` includes the byte-order mark. */
const OUTER_SPACE = /^\s|\s$/
/** What stands for bytes that are no UTF-8: two such names would be one. */
const REPLACEMENT = '\ufffd'
/** Characters of a refused name that are shown. */
const SHOWN = 64

/** What keeps a text from being an endpoint name, or the pattern of some; undefined where nothing does. */
export function endpointProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (CONTROL.test(name)) return 'has control characters'
  if (OUTER_SPACE.test(name)) return 'begins or ends with white space'
  if (name.includes(REPLACEMENT)) return 'is not valid UTF-8'
  return Buffer.byteLength(name) > MAX_ENDPOINT ? `is longer than ${MAX_ENDPOINT} bytes` : undefined
}

/** A name as it can be shown whatever is in it: in quotes, escaped, cut. */
export function quoteName(name: string): string {
  return escapeControls(JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name))
}

/** A line of text without anything that would break it, turn its direction or be invisible. */
export function escapeControls(text: string): string {
  return text.replace(
    /[^\P{C}\u2026]|[\u2028\u2029\ufeff\ufffd]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}
