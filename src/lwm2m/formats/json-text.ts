/** JSON with exact 64-bit integers: `JSON.parse` would round them. */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { integerOf, type Warn } from '../values'
import { DecodeError } from './codec'
import { checkSize } from './limits'

/**
 * Values of JSON texts: integers beyond 2^53 as bigint, strings that are not valid UTF-8 as bytes.
 */
export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | JsonValue[]
  | { readonly [name: string]: JsonValue }

/**
 * Prefix of an integer that was replaced by a string. It is random, so no text of a device can
 * match it.
 */
const MARK = `${randomUUID()}:`
const utf8 = new TextDecoder('utf-8', { fatal: true })

const QUOTE = 0x22
const BACKSLASH = 0x5c

function isNumberCharacter(code: number): boolean {
  // 0-9 + - . e E
  return (code >= 0x30 && code <= 0x39) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].includes(code)
}

/** An integer that a double may not represent exactly. */
const LONG_INTEGER = /^-?[1-9]\d{15,19}$/

/** Replaces every integer of 16 digits or more by a marked string; one pass, in linear time. */
function markLongIntegers(text: string): string {
  let marked = ''
  let from = 0
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at++
      while (at < text.length && text.charCodeAt(at) !== QUOTE) {
        at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
      }
      at++
    } else if (isNumberCharacter(code)) {
      const start = at
      while (at < text.length && isNumberCharacter(text.charCodeAt(at))) at++
      const number = text.slice(start, at)
      if (LONG_INTEGER.test(number)) {
        marked += `${text.slice(from, start)}"${MARK}${number}"`
        from = at
      }
    } else at++
  }
  return marked + text.slice(from)
}

function restore(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK)
    ? integerOf(BigInt(value.slice(MARK.length)))
    : value
}

/** An escape in a string; for a surrogate pair, both. */
const ESCAPE = /\\(?:u[\da-f]{4}(?:\\u[dD][c-fC-F][\da-f]{2})?|[^])/gi

/** The UTF-8 bytes of a character, one character each. */
function bytewise(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/**
 * Parses a text in which some strings are not valid UTF-8, byte by byte: only those strings are
 * affected, not the rest of the payload.
 */
function parseBytewise(bytes: Uint8Array): JsonValue {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replace(ESCAPE, (escape) =>
      escape.startsWith('\\u') && !/^\\u00[0-7]/i.test(escape)
        ? bytewise(JSON.parse(`"${escape}"`) as string)
        : escape,
    )
  return JSON.parse(markLongIntegers(text), (name, value: unknown) => {
    const restored = restore(name, value)
    if (typeof restored !== 'string') return restored
    const own = Buffer.from(restored, 'latin1')
    return isUtf8(own) ? own.toString('utf8') : own
  }) as JsonValue
}

/**
 * @param warn called for strings that are not valid UTF-8, which are returned as bytes
 * @throws DecodeError not valid JSON, too large
 */
export function parseJson(format: number, bytes: Uint8Array, warn?: Warn): JsonValue {
  checkSize(format, bytes)
  try {
    if (!isUtf8(bytes)) {
      const parsed = parseBytewise(bytes)
      warn?.('JSON: a text is not valid UTF-8, delivered as bytes')
      return parsed
    }
    const text = utf8.decode(bytes)
    // A reviver makes JSON.parse several times slower, so it is used only if needed.
    return /\d{16}/.test(text)
      ? (JSON.parse(markLongIntegers(text), restore) as JsonValue)
      : (JSON.parse(text) as JsonValue)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DecodeError(format, `malformed JSON: ${why}`, bytes, { cause: error })
  }
}

/** JSON text of one flat object, members in the given order; bigint exactly. */
export function stringifyJson(
  members: readonly (readonly [name: string, value: string | number | bigint | boolean | null])[],
): string {
  const parts = members.map(([name, value]) => {
    const text = typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
    return `${JSON.stringify(name)}:${text}`
  })
  return `{${parts.join(',')}}`
}
