import { isSuccess } from '../codes'
import type { MessageLayer } from '../message-layer'
import { type Block, blockOffset, blockSize } from '../options'
import type { PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { Downloads } from './downloads'
import { largestSzx, payloadRoom, RESPONSE_BLOCK_OPTIONS } from './message-room'
import { blockOf, type ResponsePart, withEtag } from './response-part'

/** The request that a response belongs to. */
export interface Requested {
  /** Identifies the body in the requests for its later blocks. */
  readonly transferKey: string
  readonly requestPayload: Uint8Array
  /** The Block2 option of the request. */
  readonly block: Block | undefined
}

/** Splits responses that are too large for one message into blocks (Block2, RFC 7959 §2.4). */
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
   * The part of a response that is sent in its first message; the rest is kept for later requests.
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

  /** A block of a kept response; undefined if it is not kept or no longer kept. */
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

  /** One block: of the requested size, or of a smaller one if ours is smaller or less fits. */
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
