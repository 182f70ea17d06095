import { describeError, type Guard, isThenable } from '../../base/guard'
import type { ResponseBlocks } from '../blockwise/response-blocks'
import type { ResponsePart } from '../blockwise/response-part'
import { downloadKey } from '../blockwise/transfer-key'
import type { Uploads } from '../blockwise/uploads'
import { Code, isSuccess } from '../codes'
import { badOption } from '../message'
import type { ArrivedRequest } from '../message-layer'
import { type Block, OptionNumber, RESERVED_SZX, blockBytes, option, uintOption } from '../options'
import type { CoapOption, CoapReply, RequestHandler } from '../types'
import type { Warnings } from '../warnings'
import { IncomingRequest, type ObservationKeeper } from './incoming-request'
import { NO_OPTIONS, replyOptions } from './message-options'

/** The server role: processes a request from its arrival to its response. */
export class Responder {
  handler: RequestHandler = () => ({ code: Code.NOT_FOUND })
  /** Discards responses of handlers that end after the stop. */
  stopped = false

  constructor(
    private readonly blocks: ResponseBlocks,
    private readonly uploads: Uploads,
    private readonly observations: ObservationKeeper,
    private readonly warnings: Warnings,
    private readonly guard: Guard,
  ) {}

  onRequest(arrived: ArrivedRequest): void {
    const { message, state } = arrived
    if (badOption(message) !== 0 || message.proxy || message.code > Code.IPATCH) {
      this.refuse(arrived)
      return
    }
    let { payload, contentFormat } = message
    if (message.block1 !== undefined) {
      const outcome = this.uploads.receive(state, message)
      if ('code' in outcome) {
        answer(arrived, outcome.code, outcome.options, outcome.reason)
        return
      }
      ;({ payload, contentFormat } = outcome)
    }
    if (message.block2 !== undefined && this.serveBlock(arrived, message.block2, payload)) return
    this.handle(new IncomingRequest(this.observations, arrived, message, payload, contentFormat))
  }

  /** Answers 4.02, 4.05 or 5.05 without calling the handler (RFC 7252 §5.4.1, §5.8, §5.10.2). */
  private refuse(arrived: ArrivedRequest): void {
    const { message, state } = arrived
    const bad = badOption(message)
    if (bad === 0) {
      const code = message.proxy ? PROXYING_NOT_SUPPORTED : Code.METHOD_NOT_ALLOWED
      answer(arrived, code, NO_OPTIONS, '')
      return
    }
    const reason = `critical option ${bad} is not understood`
    this.warnings.warn('bad-option', reason, state.peer)
    if (arrived.confirmable) answer(arrived, Code.BAD_OPTION, NO_OPTIONS, reason)
    else arrived.reject()
  }

  /** Serves a later block of a kept body; false if the handler must be called. */
  private serveBlock(arrived: ArrivedRequest, block: Block, payload: Buffer): boolean {
    const { message, state } = arrived
    if (block.szx === RESERVED_SZX) {
      answer(arrived, Code.BAD_REQUEST, NO_OPTIONS, 'block size exponent 7 is reserved')
      return true
    }
    if (block.num === 0) return false
    const key = downloadKey(message.code, message.options)
    const part = this.blocks.later(state, message.token, key, payload, block)
    if (part !== undefined) {
      arrived.respond({ token: message.token, ...part })
      return true
    }
    // Safe methods can be repeated (RFC 7959 §2.4, as by a stateless server).
    if (message.code === Code.GET || message.code === Code.FETCH) return false
    const reason = 'the response is no longer kept'
    answer(arrived, Code.REQUEST_ENTITY_INCOMPLETE, NO_OPTIONS, reason)
    return true
  }

  private handle(request: IncomingRequest): void {
    let outcome: CoapReply | Promise<CoapReply>
    try {
      outcome = this.handler(request)
    } catch (error) {
      this.failed(request, error)
      return
    }
    if (isThenable(outcome)) {
      const answered = outcome.then(
        (reply) => this.respond(request, reply),
        (error: unknown) => this.failed(request, error),
      )
      this.guard.detach('answering a request', answered)
    } else {
      this.respond(request, outcome)
    }
  }

  /** The handler threw: 5.00, without the reason, which may contain secrets (RFC 7252 §5.9.3.1). */
  private failed(request: IncomingRequest, error: unknown): void {
    const text = `a request handler failed: ${describeError(error)}`
    this.warnings.warn('handler-failed', text, request.peer)
    this.respond(request, { code: Code.INTERNAL_SERVER_ERROR })
  }

  /** Sends the reply of the handler. */
  private respond(request: IncomingRequest, reply: CoapReply): void {
    if (this.stopped) return
    const { token } = request.message
    try {
      const { code, options, payload } = this.partOf(request, reply)
      request.respond({ code, token, options, payload })
    } catch (error) {
      request.observation?.refused('the reply could not be written')
      const text = `an unusable reply: ${describeError(error)}`
      this.warnings.warn('handler-failed', text, request.peer)
      request.respond({ code: Code.INTERNAL_SERVER_ERROR, token, options: NO_OPTIONS })
    }
    try {
      reply?.onSent?.()
    } catch (error) {
      this.warnings.warn('listener-failed', `onSent: ${describeError(error)}`, request.peer)
    }
  }

  /** @throws TypeError if the handler's reply is invalid */
  private partOf(request: IncomingRequest, reply: CoapReply): ResponsePart {
    const { message, observation } = request
    const { code } = reply
    if (!(code >> 5 === 2 || code >> 5 === 4 || code >> 5 === 5)) {
      throw new TypeError(`${String(code)} is not a response code`)
    }
    const whole: ResponsePart = { code, options: replyOptions(reply), payload: reply.payload }
    const part = this.blocks.first(request.state, message.token, whole, request)
    if (observation === undefined && message.block1 === undefined) return part
    const options = [...part.options]
    if (observation !== undefined) {
      if (isSuccess(code)) options.push(uintOption(OptionNumber.OBSERVE, observation.takeNumber()))
      else observation.refused('the observation was refused')
    }
    if (message.block1 !== undefined) {
      const { num, szx } = message.block1
      options.push(option(OptionNumber.BLOCK1, blockBytes(num, false, szx)))
    }
    return { ...part, options }
  }
}

/**
 * Answers without calling the handler. The reason is sent as diagnostic payload (RFC 7252 §5.5.2).
 */
function answer(
  arrived: ArrivedRequest,
  code: number,
  options: readonly CoapOption[],
  reason: string,
): void {
  const payload = reason === '' ? undefined : Buffer.from(reason)
  arrived.respond({ code, token: arrived.message.token, options, payload })
}

/** 5.05 (RFC 7252 §5.9.3.6). */
const PROXYING_NOT_SUPPORTED = 0xa5
