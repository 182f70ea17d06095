import { OptionNumber } from '../options'
import type { CoapOption } from '../types'

/** Options that may differ between the blocks of one transfer. */
const VARYING: ReadonlySet<number> = new Set([
  OptionNumber.OBSERVE,
  OptionNumber.BLOCK1,
  OptionNumber.BLOCK2,
  OptionNumber.SIZE1,
  OptionNumber.SIZE2,
  OptionNumber.ETAG,
  OptionNumber.NO_RESPONSE,
  OptionNumber.ECHO,
])

/** Uri-Host, Uri-Port, Uri-Path, Uri-Query and Request-Tag. */
const NAMING: ReadonlySet<number> = new Set([
  OptionNumber.URI_HOST,
  OptionNumber.URI_PORT,
  OptionNumber.URI_PATH,
  OptionNumber.URI_QUERY,
  OptionNumber.REQUEST_TAG,
])

/**
 * Identifies the blocks of one request body: method, Uri-* and Request-Tag (RFC 7959 §2.5, RFC 9175
 * §3.3). Not the token: libcoap, Anjay and Californium use a new one for each block.
 */
export function uploadKey(code: number, options: readonly CoapOption[]): string {
  return keyOf(code, options, (number) => NAMING.has(number))
}

/** Identifies the requests for the blocks of one response body (RFC 7959 §2.4). */
export function downloadKey(code: number, options: readonly CoapOption[]): string {
  return keyOf(code, options, (number) => !VARYING.has(number))
}

function keyOf(
  code: number,
  options: readonly CoapOption[],
  counts: (number: number) => boolean,
): string {
  let key = String(code)
  for (const { number, value } of options) {
    if (counts(number)) key += `;${number}:${value.length}:${Buffer.from(value).toString('latin1')}`
  }
  return key
}
