import { Code } from '../codes'
import { hashBytes } from '../hash'
import {
  OptionNumber,
  blockBytes,
  blockNumber,
  blockSize,
  option,
  uintBytes,
  uintOption,
} from '../options'
import type { CoapOption } from '../types'

/** A response, or the part of it that one message carries. */
export interface ResponsePart {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array | undefined
}

/** Adds an ETag, by which the client detects that the resource changed between two blocks. */
export function withEtag(response: ResponsePart): ResponsePart {
  if (response.options.some(({ number }) => number === OptionNumber.ETAG)) return response
  const { payload = new Uint8Array(0) } = response
  const etag = option(OptionNumber.ETAG, uintBytes(hashBytes(payload) >>> 0))
  // A hash of 0 would give an empty ETag, which is not allowed (RFC 7252 §5.10.6).
  if (etag.value.length === 0) return response
  return { ...response, options: [etag, ...response.options] }
}

/**
 * The block with size exponent `szx` that begins at `offset`, a multiple of its size; 4.00 beyond
 * the end.
 */
export function blockOf(whole: ResponsePart, offset: number, szx: number): ResponsePart {
  const { payload: body = new Uint8Array(0) } = whole
  if (offset > 0 && offset >= body.length) {
    return { code: Code.BAD_REQUEST, options: [], payload: Buffer.from('no such block') }
  }
  const end = Math.min(body.length, offset + blockSize(szx))
  const block = blockBytes(blockNumber(offset, szx), end < body.length, szx)
  const options = [...whole.options, option(OptionNumber.BLOCK2, block)]
  if (offset === 0) options.push(uintOption(OptionNumber.SIZE2, body.length))
  return { code: whole.code, options, payload: body.subarray(offset, end) }
}
