import { describeError, onAbort } from '../../base/guard'
import { PeerGone } from '../../transport/transport'
import type { BodyBudget } from '../blockwise/body-budget'
import { BodyReceiver } from '../blockwise/body-receiver'
import {
  largestSzx,
  payloadRoom,
  REQUEST_BLOCK_OPTIONS,
  USUAL_RESPONSE_HEAD,
} from '../blockwise/message-room'
import { Code, isSuccess } from '../codes'
import { BlockwiseError, CoapCancelled, CoapResponseTimeout, CoapTimeout } from '../errors'
import type { Message } from '../message'
import type { MessageLayer, ResponseReceiver } from '../message-layer'
import {
  type Block,
  LAST_BLOCK,
  OptionNumber,
  RESERVED_SZX,
  blockBytes,
  blockNumber,
  blockSize,
  option,
  uintOption,
} from '../options'
import type { PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { CoapOption, CoapRequestInit, CoapResponse } from '../types'
import type { Warnings } from '../warnings'
import type { Exchange, ExchangeOwner, Exchanges } from './exchange'
import { requestOptions } from './message-options'
import { responseOf } from './response'
import type { Tokens } from './tokens'

/** The observation that an operation makes or cancels. */
export interface OperationRelation extends ResponseReceiver {
  state: PeerState
  /** Whether it receives the notifications with its token. */
  readonly established: boolean
  /** The peer accepted it, with this Observe number. */
  establish(number: number, operation: Operation): void
}

/** Settings of a request beyond those of a plain one. */
export interface OperationExtras {
  /** The value of its Observe option. */
  readonly observe?: 0 | 1
  /** One character a byte. */
  readonly token?: string
  /** The observation that it makes or cancels. */
  readonly relation?: OperationRelation
  /** The first block of a notification; only the rest of the body is to be fetched. */
  readonly body?: BodyReceiver
  /** Whether it is queued before other requests. */
  readonly front?: boolean
}

/** What operations need of the object that carries them out. */
export interface OperationHost {
  readonly exchanges: Exchanges
  readonly layer: MessageLayer
  readonly settings: Settings
  /** The largest block size of the settings, as an exponent. */
  readonly largestSzx: number
  readonly tokens: Tokens
  readonly warnings: Warnings
  /** Memory limit of the bodies being received. */
  readonly bodies: BodyBudget
  /** Called when it has ended, before its owner is told. */
  settled(operation: Operation): void
}

/** How often a body is fetched again because the resource changed meanwhile. */
const MOST_RESTARTS = 3
/** Value of {@link Operation.szx}: the body is sent in one message, without Block1. */
const UNBLOCKED = 8

const FETCHES: ReadonlySet<number> = new Set([Code.GET, Code.FETCH])

/**
 * One request of the application with all its blocks, in both directions (RFC 7959 §2.4, §2.5): a
 * sequence of exchanges, each with its own timeouts.
 */
export class Operation implements ExchangeOwner {
  /** The neighbours in the queue of its peer. */
  before: Operation | undefined = undefined
  after: Operation | undefined = undefined
  /** Whether it was started by the queue. */
  begun = false
  private readonly options: readonly CoapOption[]
  private readonly payload: Uint8Array | undefined
  /** The largest block size that this request may use, as an exponent. */
  private readonly largestSzx: number
  /** The size exponent of the blocks being sent, or UNBLOCKED. */
  private szx = UNBLOCKED
  /** Offset of the current block in the request's body. */
  private offset = 0
  private exchange: Exchange | undefined = undefined
  private body: BodyReceiver | undefined
  private restarts = 0
  /** The error of the current block if it timed out once. */
  private timeout: Error | undefined = undefined
  private settled = false
  private stopListening: (() => void) | undefined = undefined

  /** @throws RangeError if the request cannot be encoded */
  constructor(
    private readonly host: OperationHost,
    public state: PeerState,
    private readonly init: CoapRequestInit,
    private readonly extras: OperationExtras,
    private readonly token: string,
    private readonly resolve: (response: CoapResponse) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.options = requestOptions(init, extras.observe)
    this.payload = init.payload
    this.largestSzx = init.blockSize === undefined ? host.largestSzx : blockExponent(init.blockSize)
    this.body = extras.body
    if (init.signal !== undefined) {
      this.stopListening = onAbort(init.signal, () =>
        this.fail(new CoapCancelled('the request was aborted')),
      )
    }
  }

  /** Starts it; called by the queue. */
  begin(): void {
    if (this.settled) return
    this.begun = true
    if (this.body !== undefined) this.fetchNext(this.body)
    else this.sendBody(Math.min(this.largestSzx, this.state.smallestSzx))
  }

  /** Ends it with an error. Idempotent. */
  fail(error: Error): void {
    if (!this.settle()) return
    this.reject(error)
  }

  /** A newer notification arrived while an older one, or the first response, was being fetched. */
  supersede(message: Message): void {
    if (this.settled) return
    this.exchange?.cancel()
    this.body?.release()
    this.body = undefined
    if (this.begun) this.receiveBody(message)
    else this.fail(new CoapCancelled('superseded by a newer notification'))
  }

  /** The peer moved. */
  move(to: PeerState): void {
    this.state = to
    // An observation that is not established yet is known only here.
    if (this.extras.relation !== undefined) this.extras.relation.state = to
  }

  onFailure(error: Error): void {
    if (this.askAgain(error)) return
    this.giveUp(error)
  }

  /**
   * All blocks of a request's body have the same token. A peer that processes a retransmission
   * again answers twice, the second time when the next block has already been sent.
   */
  expects({ block1 }: Message): boolean {
    const { szx, offset } = this
    if (block1 === undefined || szx === UNBLOCKED || this.body !== undefined) return true
    return block1.num >= blockNumber(offset, szx)
  }

  onResponse(message: Message): void {
    if (this.settled) return
    try {
      this.init.onAnswer?.()
      const { timeout } = this
      this.timeout = undefined
      if (this.body !== undefined) this.receiveFurther(this.body, message)
      else if (timeout !== undefined && message.code === Code.REQUEST_ENTITY_INCOMPLETE) {
        // It has the block, but does not accept it twice: all that is known is the timeout.
        throw timeout
      } else if (!this.continueSending(message)) this.receiveBody(message)
    } catch (error) {
      this.giveUp(error as Error)
    }
  }

  /**
   * One lost message must not fail a whole body: a block between the first and the last of a
   * request's body, or any later one of a response's, is sent or requested once more if it timed
   * out. The peer answered a moment ago, and such a message may arrive twice (RFC 7959 §2.3, §2.4).
   * False if there is nothing to repeat, and for a notification, because the next one replaces it.
   */
  private askAgain(error: Error): boolean {
    const timedOut = error instanceof CoapTimeout || error instanceof CoapResponseTimeout
    if (this.settled || this.timeout !== undefined || !timedOut) return false
    if (this.extras.body !== undefined) return false
    const { body, payload, szx, offset } = this
    if (body === undefined) {
      const between =
        payload !== undefined &&
        szx !== UNBLOCKED &&
        offset > 0 &&
        offset + blockSize(szx) < payload.length
      if (!between) return false
    }
    this.timeout = error
    if (body === undefined) this.sendBlock(offset)
    else this.fetchNext(body)
    return true
  }

  /**
   * An observation is cancelled even if the rest of its last value cannot be fetched: the response
   * is the first block then.
   */
  private giveUp(error: Error): void {
    const { body } = this
    if (this.extras.observe !== 1 || body === undefined || error instanceof PeerGone) {
      this.fail(error)
      return
    }
    this.finish(body.first, body.first.payload)
  }

  private settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.exchange?.cancel()
    this.body?.release()
    this.stopListening?.()
    this.host.settled(this)
    return true
  }

  private finish(message: Message, payload: Buffer): void {
    if (!this.settle()) return
    this.resolve(responseOf(this.state.peer, message, payload))
  }

  private exchangeMessage(
    options: readonly CoapOption[],
    payload: Uint8Array | undefined,
    token: string,
  ): void {
    const { relation } = this.extras
    const { code, confirmable = true } = this.init
    const receiver = relation?.established === true ? relation : undefined
    const exchange = this.host.exchanges.make(this.state, token, this, receiver)
    this.exchange = exchange
    try {
      exchange.start({ code, token, options, payload }, confirmable, this.init)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  // The request's body (Block1)

  /** Sends the body from the beginning, in blocks of at most `16 << szx` bytes. */
  private sendBody(szx: number): void {
    const length = this.payload?.length ?? 0
    if (length > blockSize(szx) || (length > 0 && length > this.room)) {
      this.szx = szx
      this.sendBlock(0)
      return
    }
    this.szx = UNBLOCKED
    let { options } = this
    if (FETCHES.has(this.init.code)) {
      const wanted = this.responseSzx
      // Early negotiation (RFC 7959 §2.4): request small blocks from the start.
      if (wanted < 6) {
        options = [...options, option(OptionNumber.BLOCK2, blockBytes(0, false, wanted))]
      }
    }
    this.exchangeMessage(options, this.payload, this.token)
  }

  /** Bytes of the body that fit into one message to this peer. */
  private get room(): number {
    const { layer } = this.host
    return payloadRoom(layer, this.state.peer, this.token, this.options, REQUEST_BLOCK_OPTIONS)
  }

  /**
   * The block size to request: smaller if the peer accepts only small messages, because it should
   * not have to send large ones either.
   */
  private get responseSzx(): number {
    const room = this.host.layer.room(this.state.peer)
    return Math.min(this.largestSzx, largestSzx(room - USUAL_RESPONSE_HEAD))
  }

  private sendBlock(offset: number): void {
    const payload = this.payload as Uint8Array
    // Recomputed for each block: the peer may have moved to a path with a smaller limit. Half of a
    // block boundary is a block boundary, too.
    const szx = Math.min(this.szx, largestSzx(this.room))
    this.szx = szx
    const end = Math.min(payload.length, offset + blockSize(szx))
    const num = blockNumber(offset, szx)
    if (blockNumber(payload.length - 1, szx) > LAST_BLOCK) {
      this.fail(new BlockwiseError(`${payload.length} bytes are too many for blocks this small`))
      return
    }
    this.offset = offset
    const more = end < payload.length
    const options = [...this.options, option(OptionNumber.BLOCK1, blockBytes(num, more, szx))]
    if (num === 0) options.push(uintOption(OptionNumber.SIZE1, payload.length))
    // The same token for all blocks: some peers identify the transfer by it.
    this.exchangeMessage(options, payload.subarray(offset, end), this.token)
  }

  /**
   * Sends the next block as required by the answer to the last one. False if the answer is the
   * final one.
   * @throws BlockwiseError
   */
  private continueSending(message: Message): boolean {
    const { payload, szx } = this
    const { block1 } = message
    if (message.code === Code.REQUEST_ENTITY_TOO_LARGE && this.shrink(block1)) return true
    if (szx === UNBLOCKED || payload === undefined) {
      if (message.code === Code.CONTINUE) throw new BlockwiseError('2.31 for a whole body')
      return false
    }
    const end = Math.min(payload.length, this.offset + blockSize(szx))
    const last = end === payload.length
    if (message.code !== Code.CONTINUE && (last || !isSuccess(message.code))) {
      if (isSuccess(message.code)) this.progress(end)
      return false
    }
    if (last) throw new BlockwiseError('2.31 for the last block')
    // 2.31, or a success of this block alone (RFC 7959 §2.3: M unset).
    if (block1 === undefined && message.code !== Code.CONTINUE) {
      throw new BlockwiseError('a final answer before the body was whole')
    }
    if (block1 !== undefined) {
      if (block1.num !== blockNumber(this.offset, szx)) {
        throw new BlockwiseError(`an answer to block ${block1.num} instead of the one sent`)
      }
      // The peer asks for smaller blocks from now on (RFC 7959 §2.3).
      if (block1.szx < szx) this.remember(block1.szx)
    }
    this.progress(end)
    if (!this.settled) this.sendBlock(end)
    return true
  }

  /** RFC 7959 §2.9.3: restarts with the block size that a 4.13 suggests, if it is smaller. */
  private shrink(block1: Block | undefined): boolean {
    if (block1 === undefined || this.payload === undefined || block1.szx >= this.szx) return false
    if (block1.szx === RESERVED_SZX) return false
    if (this.payload.length <= blockSize(block1.szx)) return false
    this.remember(block1.szx)
    this.sendBlock(0)
    return true
  }

  private remember(szx: number): void {
    this.szx = szx
    this.state.smallestSzx = Math.min(this.state.smallestSzx, szx)
  }

  private progress(sent: number): void {
    try {
      this.init.onProgress?.(sent, this.payload?.length ?? 0)
    } catch (error) {
      this.host.warnings.warn(
        'listener-failed',
        `onProgress: ${describeError(error)}`,
        this.state.peer,
      )
    }
  }

  // The response's body (Block2)

  private receiveBody(message: Message): void {
    const { relation, observe } = this.extras
    if (observe === 0 && message.observe !== undefined && isSuccess(message.code)) {
      relation?.establish(message.observe, this)
    }
    const { block2 } = message
    const whole = block2 === undefined || (!block2.more && block2.num === 0)
    if (whole || !isSuccess(message.code)) {
      this.finish(message, message.payload)
      return
    }
    try {
      const { settings, bodies } = this.host
      this.body = new BodyReceiver(message, settings.maxBody, bodies)
    } catch (error) {
      if (observe === 1) this.finish(message, message.payload)
      else this.fail(error as Error)
      return
    }
    this.fetchNext(this.body)
  }

  /** @throws BlockwiseError */
  private receiveFurther(body: BodyReceiver, message: Message): void {
    if (!isSuccess(message.code)) {
      this.finish(message, message.payload)
      return
    }
    const outcome = body.add(message)
    if (outcome === 'complete') this.finish(body.first, body.take())
    else if (outcome === 'more') this.fetchNext(body)
    else this.fetchAnew(body)
  }

  private fetchNext(body: BodyReceiver): void {
    const { num, szx } = body.next(this.responseSzx)
    this.fetchBlock(num, szx)
  }

  private fetchAnew(body: BodyReceiver): void {
    if (++this.restarts > MOST_RESTARTS) {
      throw new BlockwiseError('the resource changes faster than it can be fetched')
    }
    const { szx } = body.next(this.responseSzx)
    body.release()
    this.body = undefined
    this.szx = UNBLOCKED
    this.fetchBlock(0, szx)
  }

  /**
   * Without Observe and with a new token, which RFC 7959 §3.4 requires for notifications and which
   * is harmless otherwise.
   */
  private fetchBlock(num: number, szx: number): void {
    const options = this.options.filter(({ number }) => number !== OptionNumber.OBSERVE)
    options.push(option(OptionNumber.BLOCK2, blockBytes(num, false, szx)))
    // The body of a FETCH is part of the identity of the resource (RFC 8132 §2.1); any other method
    // has already been carried out.
    const again = this.init.code === Code.FETCH && this.szx === UNBLOCKED
    this.exchangeMessage(options, again ? this.payload : undefined, this.host.tokens.fresh())
  }
}
