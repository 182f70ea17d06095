import { MessageType, encodeEmpty, encodeMessage, type Message } from '../messages/codec'
import { Code, isSuccess } from '../codes'
import { describe, type Core } from '../core'
import { Progress, type Recent } from '../messages/duplicates'
import { CoapCancelled } from '../errors'
import { IncomingRequest } from './incoming-request'
import { replyOptions } from '../messages/message-options'
import { Observation } from '../observe/observation'
import { OptionNumber, blockBytes, option, uintOption } from '../options'
import type { Block, OptionFields } from '../options'
import type { PeerState } from '../peers'
import { ResponseBlocks } from '../blockwise/response-blocks'
import type { ResponsePart } from './response-part'
import { ServiceState } from './service-state'
import { SlowAnswer } from './slow-answer'
import { downloadKey } from '../blockwise/transfer-key'
import { Transmission, type TransmissionOwner } from '../messages/transmission'
import type { CoapOption, CoapReply, ObservationHandle, RequestHandler } from '../types'
import { Uploads } from '../blockwise/uploads'

const NO_OPTIONS: readonly CoapOption[] = Object.freeze([])

/** Observations of one peer at once; the oldest gives way. */
const MOST_OBSERVATIONS = 4096
const MOST_OF_STRANGER = 64

/** The answering role: from a request message that is no duplicate to the response message. */
export class Responder {
  handler: RequestHandler = () => ({ code: Code.NOT_FOUND })
  readonly blocks: ResponseBlocks

  constructor(private readonly core: Core) {
    this.blocks = new ResponseBlocks(core)
  }

  onRequest(state: PeerState, message: Message, fields: OptionFields, recent: Recent): void {
    if (fields.badCritical !== 0 || fields.proxy || message.code > Code.IPATCH) {
      this.refuse(state, message, fields, recent)
      return
    }
    let { payload } = message
    let { contentFormat } = fields
    if (fields.block1 !== undefined) {
      const service = this.service(state)
      service.uploads ??= new Uploads(this.core, () => service.tidy())
      const outcome = service.uploads.receive(message, fields)
      service.tidy()
      if ('code' in outcome) {
        const { code, options, reason } = outcome
        this.answer(state, message, recent, code, options, reason)
        return
      }
      payload = outcome.payload
      contentFormat = outcome.contentFormat
    }
    if (fields.block2 !== undefined && this.serveBlock(state, message, fields, recent, payload)) {
      return
    }
    const request = new IncomingRequest(
      this,
      state,
      message,
      fields,
      recent,
      payload,
      contentFormat,
    )
    this.handle(request)
  }

  accept(request: IncomingRequest): ObservationHandle {
    const { state, message, fields } = request
    const service = this.service(state)
    const key = message.token.toString('latin1')
    const former = service.observations?.get(key)
    former?.finish('replaced', new CoapCancelled('replaced by a newer observation'))
    const observation = new Observation(
      this.core,
      this,
      state,
      key,
      downloadKey(message.code, message.options),
      request.payload,
      fields.block2,
      former?.lastNumber ?? 0,
    )
    service.observations ??= new Map()
    service.observations.set(key, observation)
    const [oldest] = service.observations.values()
    const most = state.pinned ? MOST_OBSERVATIONS : MOST_OF_STRANGER
    if (oldest !== undefined && service.observations.size > most) {
      oldest.finish('replaced', new CoapCancelled('too many observations of one peer'))
    }
    request.observation = observation
    return observation
  }

  cancel(request: IncomingRequest): boolean {
    const key = request.message.token.toString('latin1')
    const observation = request.state.service?.observations?.get(key)
    observation?.finish('cancelled', new CoapCancelled('cancelled by the observer'))
    return observation !== undefined
  }

  /** Removes an observation that has ended. */
  forget(observation: Observation): void {
    const { service } = observation.state
    if (service?.observations?.get(observation.key) !== observation) return
    service.observations.delete(observation.key)
    service.tidy()
  }

  /** RST for a non-confirmable message of ours. */
  onNonReset(state: PeerState, messageId: number): void {
    for (const observation of state.service?.observations?.values() ?? []) {
      if (observation.resetBy(messageId)) return
    }
  }

  /** The peer is forgotten or gone. */
  drop(state: PeerState, error: Error): void {
    const { service } = state
    if (service === undefined) return
    for (const observation of [...(service.observations?.values() ?? [])]) {
      observation.finish('gone', error)
    }
    service.uploads?.clear()
    service.downloads?.clear()
    state.service = undefined
  }

  /** 4.02, 4.05 or 5.05 without asking the handler (RFC 7252 §5.4.1, §5.8, §5.10.2). */
  private refuse(state: PeerState, message: Message, fields: OptionFields, recent: Recent): void {
    if (fields.badCritical === 0) {
      const code = fields.proxy ? PROXYING_NOT_SUPPORTED : Code.METHOD_NOT_ALLOWED
      this.answer(state, message, recent, code, NO_OPTIONS, '')
      return
    }
    const reason = `critical option ${fields.badCritical} is not understood`
    this.core.warn('bad-option', reason, state.peer)
    if (message.type === MessageType.CON) {
      this.answer(state, message, recent, Code.BAD_OPTION, NO_OPTIONS, reason)
      return
    }
    recent.progress = Progress.SILENT
    this.core.stats.rejected++
    this.core.trySendTo(state.peer, encodeEmpty(MessageType.RST, message.messageId))
  }

  /** Answers what needs no handler. A reason goes as a diagnostic payload (RFC 7252 §5.5.2). */
  private answer(
    state: PeerState,
    message: Message,
    recent: Recent,
    code: number,
    options: readonly CoapOption[],
    reason: string,
  ): void {
    const payload = reason === '' ? undefined : Buffer.from(reason)
    this.reply(state, message, recent, { code, options, payload })
  }

  /** Serves a later block of a kept body; false when the handler is to be asked. */
  private serveBlock(
    state: PeerState,
    message: Message,
    fields: OptionFields,
    recent: Recent,
    payload: Buffer,
  ): boolean {
    const block = fields.block2 as Block
    if (block.szx === 7) {
      const reason = 'block size exponent 7 is reserved'
      this.answer(state, message, recent, Code.BAD_REQUEST, NO_OPTIONS, reason)
      return true
    }
    if (block.num === 0) return false
    const key = downloadKey(message.code, message.options)
    const recipient = { state, tokenLength: message.token.length }
    const part = this.blocks.later(recipient, key, payload, block)
    if (part !== undefined) {
      this.reply(state, message, recent, part)
      return true
    }
    // Safe methods can be carried out again (RFC 7959 §2.4: a stateless server does just that).
    if (message.code === Code.GET || message.code === Code.FETCH) return false
    const reason = 'the response is no longer kept'
    this.answer(state, message, recent, Code.REQUEST_ENTITY_INCOMPLETE, NO_OPTIONS, reason)
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
    if (typeof (outcome as Promise<CoapReply> | undefined)?.then === 'function') {
      new SlowAnswer(this.core, this, request).wait(outcome as Promise<CoapReply>)
    } else {
      this.respond(request, outcome as CoapReply)
    }
  }

  /** The handler threw: 5.00, without its reason (RFC 7252 §5.9.3.1; reasons may be secrets). */
  failed(request: IncomingRequest, error: unknown): void {
    this.core.warn('handler-failed', `a request handler failed: ${describe(error)}`, request.peer)
    this.respond(request, { code: Code.INTERNAL_SERVER_ERROR })
  }

  /** Sends what the handler answered. */
  respond(request: IncomingRequest, reply: CoapReply): void {
    if (this.core.stopped) return
    let part: ResponsePart
    try {
      part = this.partOf(request, reply)
    } catch (error) {
      request.observation?.finish('error', new CoapCancelled('the reply could not be written'))
      this.core.warn('handler-failed', `an unusable reply: ${describe(error)}`, request.peer)
      part = { code: Code.INTERNAL_SERVER_ERROR, options: NO_OPTIONS, payload: undefined }
    }
    if (request.acknowledged) this.respondSeparately(request, part)
    else this.reply(request.state, request.message, request.recent, part)
    try {
      reply?.onSent?.()
    } catch (error) {
      this.core.warn('listener-failed', `onSent: ${describe(error)}`, request.peer)
    }
  }

  /** @throws TypeError when the handler's reply is no reply */
  private partOf(request: IncomingRequest, reply: CoapReply): ResponsePart {
    const { fields, message, observation } = request
    const { code } = reply
    if (!(code >> 5 === 2 || code >> 5 === 4 || code >> 5 === 5)) {
      throw new TypeError(`${String(code)} is no response code`)
    }
    const whole: ResponsePart = { code, options: replyOptions(reply), payload: reply.payload }
    const part = this.blocks.first(
      { state: request.state, tokenLength: message.token.length },
      whole,
      () => downloadKey(message.code, message.options),
      request.payload,
      fields.block2,
    )
    if (observation === undefined && fields.block1 === undefined) return part
    const options = [...part.options]
    if (observation !== undefined) {
      if (isSuccess(code)) options.push(uintOption(OptionNumber.OBSERVE, observation.takeNumber()))
      else observation.finish('error', new CoapCancelled('the observation was refused'))
    }
    if (fields.block1 !== undefined) {
      const { num, szx } = fields.block1
      options.push(option(OptionNumber.BLOCK1, blockBytes(num, false, szx)))
    }
    return { ...part, options }
  }

  /** Piggybacked on the ACK, or non-confirmable like its request (RFC 7252 §5.2.1, §5.2.3). */
  private reply(state: PeerState, message: Message, recent: Recent, part: ResponsePart): void {
    const confirmable = message.type === MessageType.CON
    const datagram = encodeMessage({
      type: confirmable ? MessageType.ACK : MessageType.NON,
      code: part.code,
      messageId: confirmable ? message.messageId : state.takeMessageId(),
      token: message.token,
      options: part.options,
      payload: part.payload,
    })
    if (confirmable) this.core.duplicates.answer(recent, datagram)
    else recent.progress = Progress.SILENT
    this.core.trySendTo(state.peer, datagram)
  }

  /** As a message of its own, confirmable (RFC 7252 §5.2.2). */
  private respondSeparately(request: IncomingRequest, part: ResponsePart): void {
    const { state, message } = request
    const messageId = state.takeMessageId()
    const datagram = encodeMessage({
      type: MessageType.CON,
      code: part.code,
      messageId,
      token: message.token,
      options: part.options,
      payload: part.payload,
    })
    try {
      new Transmission(this.core, state, messageId, datagram, NOBODY).start()
    } catch (error) {
      this.core.warn('send-failed', describe(error), state.peer)
    }
  }

  private service(state: PeerState): ServiceState {
    return (state.service ??= new ServiceState(state))
  }
}

/** 5.05 (RFC 7252 §5.9.3.6). */
const PROXYING_NOT_SUPPORTED = 0xa5

/** Nobody waits for the ACK of a separate response; the client will ask again. */
const NOBODY: TransmissionOwner = {
  onAcknowledged() {},
  onPiggybacked: () => false,
  onReset() {},
  onUnacknowledged() {},
  onSendFailure() {},
}
