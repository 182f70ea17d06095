import type { Peer } from '../../transport/transport'
import type { MessageLayer } from '../message-layer'
import { blockSize } from '../options'
import type { CoapOption } from '../types'

/** Block1 or Block2, and Size1: what block-wise transfer adds to the options of a request. */
export const REQUEST_BLOCK_OPTIONS = 16
/** Observe, ETag, Block1, Block2 and Size2: the same for a response. */
export const RESPONSE_BLOCK_OPTIONS = 32
/** Estimated size of header, token and options of the response that is expected. */
export const USUAL_RESPONSE_HEAD = 64

/**
 * Bytes of payload that fit into one message to this peer.
 * @param spare bytes of options that will be added
 */
export function payloadRoom(
  layer: MessageLayer,
  peer: Peer,
  token: string,
  options: readonly CoapOption[],
  spare: number,
): number {
  // One byte is used by the payload marker.
  return layer.room(peer) - layer.headLength(token.length, options) - spare - 1
}

/**
 * The exponent (SZX) of the largest block of at most `bytes`; 0, a block of 16 bytes, if even that
 * does not fit, because there is no smaller one (RFC 7959 §2.2).
 */
export function largestSzx(bytes: number): number {
  let szx = 6
  while (szx > 0 && blockSize(szx) > bytes) szx--
  return szx
}
