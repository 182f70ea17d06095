import { ContentFormat } from './formats/codec'

/** Maximum length of a diagnostic, in characters. */
const LONGEST = 200

/**
 * The diagnostic payload of an error response (RFC 7252 §5.5.2), sanitized; empty if there is none.
 */
export function diagnosticOf(response: {
  readonly contentFormat: number | undefined
  readonly payload: Buffer
}): string {
  const format = response.contentFormat
  if (format !== undefined && format !== ContentFormat.TEXT) return ''
  return response.payload
    .toString('utf8')
    .slice(0, LONGEST)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
}
