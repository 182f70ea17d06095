import { type CoapTrace, Lwm2mPath as Path } from '../../src'
import { decode, isTextFormat } from '../../src/internal'
import { jsonValue } from './values'

const MAX_TEXT = 2_048

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`
}

/** For people: one `path = value` a line; text as it is; hex where nothing else can be said. */
export function payloadText({
  payload,
  contentFormat,
  block1,
  block2,
}: CoapTrace): string | undefined {
  if (payload.length === 0) return undefined
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  // A block is a piece: only the whole could be decoded.
  const piece = [block1, block2].some((block) => block !== undefined && !block.startsWith('0/0/'))
  if (contentFormat !== undefined && isTextFormat(contentFormat)) return cut(bytes.toString('utf8'))
  if (contentFormat !== undefined && !piece) {
    try {
      const records = decode(contentFormat, bytes, { base: Path.ROOT })
      return cut(
        records
          .map(({ path, value }) =>
            value === undefined ? path.toString() : `${path.toString()} = ${jsonValue(value)}`,
          )
          .join('\n'),
      )
    } catch {
      // What cannot be decoded is shown as it is.
    }
  }
  const printable = /^[\x20-\x7e\s]*$/.test(bytes.toString('latin1'))
  return cut(printable ? bytes.toString('latin1') : bytes.toString('hex'))
}
