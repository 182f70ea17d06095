import { isSuccess } from '../codes'
import type { MessageLayer } from '../message-layer'
import type { Block } from '../options'
import type { PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { Downloads } from './downloads'
import { largestSzx, payloadRoom, RESPONSE_BLOCK_OPTIONS } from './message-room'
import { blockOf, type ResponsePart, withEtag } from './response-part'

/** Whom a response goes to: what its blocks must fit. */
export interface Recipient {
  readonly state: PeerState
  readonly token: string
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
   * @param key names the body, for the requests to come
   * @param block what the request asked for
   */
  first(
    recipient: Recipient,
    response: ResponsePart,
    key: () => string,
    requestPayload: Uint8Array,
    block: Block | undefined,
  ): ResponsePart {
    const length = response.payload?.length ?? 0
    const laterBlock = block !== undefined && block.num > 0 && isSuccess(response.code)
    if (!laterBlock) {
      if (length === 0) return response
      const fits = length <= this.room(recipient, response)
      if (fits && length <= 16 << this.wantedSzx(block)) return response
    }
    const whole = withEtag(response)
    this.downloads.keep(recipient.state, key(), requestPayload, whole)
    return this.cut(recipient, whole, block)
  }

  /** A block of a response that is kept; undefined when it is not, or not any more. */
  later(
    recipient: Recipient,
    key: string,
    requestPayload: Uint8Array,
    block: Block,
  ): ResponsePart | undefined {
    const whole = this.downloads.find(recipient.state, key, requestPayload)
    return whole && this.cut(recipient, whole, block)
  }

  /** One block: of the size asked for, or of a smaller one where that is ours or more does not fit. */
  private cut(recipient: Recipient, whole: ResponsePart, block: Block | undefined): ResponsePart {
    const offset = block === undefined ? 0 : block.num << (block.szx + 4)
    const fitting = largestSzx(this.room(recipient, whole))
    return blockOf(whole, offset, Math.min(this.wantedSzx(block), fitting))
  }

  private room({ state, token }: Recipient, { options }: ResponsePart): number {
    return payloadRoom(this.layer, state.peer, token, options, RESPONSE_BLOCK_OPTIONS)
  }

  private wantedSzx(block: Block | undefined): number {
    return block === undefined ? this.largest : Math.min(this.largest, block.szx)
  }
}
