import { isSuccess } from '../codes'
import type { MessageLayer } from '../message-layer'
import { type Block, blockOffset, blockSize } from '../options'
import type { PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { Downloads } from './downloads'
import { largestSzx, payloadRoom, RESPONSE_BLOCK_OPTIONS } from './message-room'
import { blockOf, type ResponsePart, withEtag } from './response-part'

/** What a response answers. */
export interface Requested {
  /** Names the body, for the requests for its later blocks. */
  readonly transferKey: string
  readonly requestPayload: Uint8Array
  /** What the request asked for. */
  readonly block: Block | undefined
}

/** Cuts responses that are too large for one message into blocks (Block2, RFC 7959 §2.4). */
export class ResponseBlocks {
  private readonly largest: number

  constructor(
    private readonly layer: MessageLayer,
    private readonly downloads: Downloads,
    settings: Settings,
  ) {
    this.largest = blockExponent(settings.blockSize)
  }

  /**
   * The share of a response that goes into its first message; the rest is kept to be fetched.
   */
  first(
    state: PeerState,
    token: string,
    response: ResponsePart,
    requested: Requested,
  ): ResponsePart {
    const { block } = requested
    const length = response.payload?.length ?? 0
    const laterBlock = block !== undefined && block.num > 0 && isSuccess(response.code)
    if (!laterBlock) {
      if (length === 0) return response
      const fits = length <= this.room(state, token, response)
      if (fits && length <= blockSize(this.wantedSzx(block))) return response
    }
    const whole = withEtag(response)
    this.downloads.keep(state, requested.transferKey, requested.requestPayload, whole)
    return this.cut(state, token, whole, block)
  }

  /** A block of a response that is kept; undefined when it is not, or not any more. */
  later(
    state: PeerState,
    token: string,
    key: string,
    requestPayload: Uint8Array,
    block: Block,
  ): ResponsePart | undefined {
    const whole = this.downloads.find(state, key, requestPayload)
    return whole && this.cut(state, token, whole, block)
  }

  /** One block: of the size asked for, or of a smaller one where that is ours or more does not fit. */
  private cut(
    state: PeerState,
    token: string,
    whole: ResponsePart,
    block: Block | undefined,
  ): ResponsePart {
    const offset = block === undefined ? 0 : blockOffset(block)
    const fitting = largestSzx(this.room(state, token, whole))
    return blockOf(whole, offset, Math.min(this.wantedSzx(block), fitting))
  }

  private room({ peer }: PeerState, token: string, { options }: ResponsePart): number {
    return payloadRoom(this.layer, peer, token, options, RESPONSE_BLOCK_OPTIONS)
  }

  private wantedSzx(block: Block | undefined): number {
    return block === undefined ? this.largest : Math.min(this.largest, block.szx)
  }
}
