import type { Peer } from '../../transport/transport'
import type { MessageLayer } from '../message-layer'
import { blockSize } from '../options'
import type { CoapOption } from '../types'

/** Block1 or Block2, and Size1: what a request with a body takes besides its own options. */
export const REQUEST_BLOCK_OPTIONS = 16
/** Observe, ETag, Block1, Block2 and Size2: the same for a response. */
export const RESPONSE_BLOCK_OPTIONS = 32
/** Header, token and options of a response yet to come, as much as one mostly has. */
export const USUAL_RESPONSE_HEAD = 64

/**
 * Bytes of payload that fit a message to this peer.
 * @param spare bytes for options that will be added
 */
export function payloadRoom(
  layer: MessageLayer,
  peer: Peer,
  token: string,
  options: readonly CoapOption[],
  spare: number,
): number {
  // One byte is the payload marker.
  return layer.room(peer) - layer.headLength(token.length, options) - spare - 1
}

/**
 * The exponent (SZX) of the largest block of at most so many bytes; 0, a block of 16, where not even
 * that one fits, because there is none smaller (RFC 7959 §2.2).
 */
export function largestSzx(bytes: number): number {
  let szx = 6
  while (szx > 0 && blockSize(szx) > bytes) szx--
  return szx
}
