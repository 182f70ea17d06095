/** text/plain (Core §7.4.1): one value. */
import type { ResourceType, Value } from '../value'
import { decimalText } from '../decimal'
import { ObjectLink } from '../value'
import { coerce, parseBase64, secondsOf } from '../values'
import { type Codec, ContentFormat, DecodeError, EncodeError } from './codec'
import { checkSize } from './limits'
import { baseType, onlyValue } from './single'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parses text as the type of its resource; undefined if it is invalid. */
function readText(text: string, type: ResourceType): Value | undefined {
  if (type === 'Opaque') return parseBase64(text.trim())
  if (type === 'String' || type === 'Corelnk' || type === 'None') return text
  const value = coerce(text, type)
  return typeof value === 'string' ? undefined : value
}

function writeText(value: Value): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Date) return String(secondsOf(value))
  if (value instanceof ObjectLink) return value.toString()
  if (typeof value !== 'number') return String(value)
  if (!Number.isFinite(value)) throw new EncodeError(`${value} cannot be encoded as text`)
  return decimalText(value)
}

export const text: Codec = {
  format: ContentFormat.TEXT,
  legacy: [ContentFormat.LEGACY_TEXT],
  name: 'text/plain',
  names: ['text'],
  since: '1.0',
  shape: 'value',
  notation: 'text',
  decode(bytes, context) {
    checkSize(ContentFormat.TEXT, bytes)
    const { base: path, warn } = context
    if (path.level < 3) {
      throw new DecodeError(ContentFormat.TEXT, `text cannot answer for ${path}`, bytes)
    }
    let said: string
    try {
      said = utf8.decode(bytes)
    } catch {
      warn?.(`${bytes.length} bytes of text are not valid UTF-8, delivered as received`, path)
      return [{ path, value: Buffer.from(bytes) }]
    }
    const type = baseType(context)
    const value = type === undefined ? said : readText(said, type)
    if (value === undefined)
      warn?.(`${JSON.stringify(said.slice(0, 40))} is not a valid ${type}`, path)
    return [{ path, value: value ?? said }]
  },
  encode(records, context) {
    return Buffer.from(writeText(onlyValue(records, context, 'text/plain').value), 'utf8')
  },
}
