/** The arguments of Execute (Core §6.3.5): `0='a',1`. */
import { CodedError } from '../base/coded-error'

/** The text is not a list of Execute arguments, or an argument cannot be encoded in one. */
export class ExecuteArgumentError extends CodedError {
  constructor(message: string) {
    super('invalid-argument', message)
  }
}

/** Values by the digit 0 to 9; `undefined` for a digit without value. */
export type ExecuteArgumentMap = ReadonlyMap<number, string | undefined>

/** The ABNF's CHAR, which excludes space, both quotes and the backslash. */
const CHARS = /^[!\x23-\x26\x28-\x5b\x5d-\x7e]*$/
const ARGUMENT = /([0-9])(?:='([^']*)')?/y

/**
 * Parses `5`, `2='10.3'` or `7,0='https://www.oma.org',1`. Characters excluded by the ABNF are
 * accepted inside quotes, except the quote itself.
 * @throws ExecuteArgumentError
 */
export function parseExecuteArguments(text: string): Map<number, string | undefined> {
  const found = new Map<number, string | undefined>()
  if (text === '') return found
  for (let at = 0; ; at++) {
    ARGUMENT.lastIndex = at
    const match = ARGUMENT.exec(text)
    if (match === null) {
      const rest = JSON.stringify(text.slice(at, at + 40))
      throw new ExecuteArgumentError(`Execute arguments look like 0='a',1, not like ${rest}`)
    }
    const digit = Number(match[1])
    if (found.has(digit)) throw new ExecuteArgumentError(`argument ${digit} occurs twice`)
    found.set(digit, match[2])
    at = ARGUMENT.lastIndex
    if (at === text.length) return found
    if (text[at] !== ',') {
      const rest = JSON.stringify(text.slice(at, at + 40))
      throw new ExecuteArgumentError(`expected a comma or the end before ${rest}`)
    }
  }
}

/**
 * Formats arguments, given by digit or as text that is validated.
 * @throws ExecuteArgumentError if a key is not a digit, or a value cannot be quoted
 */
export function formatExecuteArguments(
  input: string | ExecuteArgumentMap | { readonly [digit: number]: string | undefined },
): string {
  const entries =
    typeof input === 'string'
      ? [...parseExecuteArguments(input)]
      : input instanceof Map
        ? [...(input as ExecuteArgumentMap)]
        : Object.entries(input as { readonly [digit: string]: string | undefined })
  return entries.map(([key, value]) => formatArgument(String(key), value)).join(',')
}

function formatArgument(key: string, value: unknown): string {
  if (!/^[0-9]$/.test(key)) {
    throw new ExecuteArgumentError(`arguments have the digits 0 to 9, not ${JSON.stringify(key)}`)
  }
  if (value === undefined || value === null) return key
  if (!['string', 'number', 'bigint', 'boolean'].includes(typeof value)) {
    throw new ExecuteArgumentError(`argument ${key} is text`)
  }
  const text = String(value)
  if (!CHARS.test(text)) {
    throw new ExecuteArgumentError(
      `argument ${key} can have no space, quote, backslash or character beyond ASCII (Core §6.3.5)`,
    )
  }
  return `${key}='${text}'`
}
