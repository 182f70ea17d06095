import { ValueError } from '../../lwm2m/value'

/** How bytes are written as text in a dialog, file or message. */
export type TextEncoding = 'hex' | 'base64' | 'text'

/** All of {@link TextEncoding}, for validation. */
export const TEXT_ENCODINGS: readonly TextEncoding[] = ['hex', 'base64', 'text']

/**
 * The bytes that a text stands for. Hex may have blanks, colons and a leading `0x`; base64 may be of
 * either alphabet, padded or not; text is UTF-8.
 * @throws ValueError which does not repeat any of the text: it may be a key
 */
export function bytesOfText(text: string, encoding: TextEncoding): Buffer {
  switch (encoding) {
    case 'hex':
      return bytesOfHex(text)
    case 'base64':
      return bytesOfBase64(text)
    case 'text':
      return Buffer.from(text, 'utf8')
  }
}

function bytesOfHex(text: string): Buffer {
  const digits = text.replace(/^\s*0x/i, '').replace(/[\s:]/g, '')
  if (!/^[0-9a-f]*$/i.test(digits))
    throw new ValueError('it has characters that are not hex digits')
  if (digits.length % 2 !== 0) throw new ValueError('it has an odd number of hex digits')
  return Buffer.from(digits, 'hex')
}

function bytesOfBase64(text: string): Buffer {
  const body = text.replace(/\s/g, '').replace(/={1,2}$/, '')
  if (!/^[A-Za-z0-9+/_-]*$/.test(body))
    throw new ValueError('it has characters that are not base64')
  if (body.length % 4 === 1) throw new ValueError('it is cut off: no base64 text has that length')
  return Buffer.from(body, 'base64')
}
