import { detach } from '../../base/guard'
import { PeerGone, type Peer } from '../../transport/transport'
import { MessageType, encodeMessage } from '../messages/codec'
import { isSuccess } from '../codes'
import { describe, type Core } from '../core'
import { CoapCancelled, CoapReset, CoapTimeout } from '../errors'
import { replyOptions } from '../messages/message-options'
import { OptionNumber, uintOption } from '../options'
import type { Block } from '../options'
import type { PeerState } from '../peers'
import type { Responder } from '../exchanges/responder'
import { Transmission, type TransmissionOwner } from '../messages/transmission'
import type { CoapReply, ObservationHandle } from '../types'

/** RFC 7641 §4.5: at least this often a notification is confirmable. Milliseconds. */
const CONFIRM_EVERY = 24 * 3600 * 1000
/** Message-IDs of non-confirmable notifications whose RST is still understood. */
const RESETTABLE = 8

type EndReason = Parameters<ObservationHandle['onEnd']>[0]

/** A notification and who waits for its end. */
interface Waiting {
  readonly reply: CoapReply
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The answering side of an observation (RFC 7641 §4). */
export class Observation implements ObservationHandle, TransmissionOwner {
  ended = false
  onEnd: (reason: EndReason) => void = () => {}
  private number: number
  private confirmedAt: number
  private readonly resettable: number[] = []
  private transmission: Transmission | undefined = undefined
  private current: Waiting | undefined = undefined
  private next: Waiting | undefined = undefined

  /**
   * @param key the token, one character a byte
   * @param transferKey names the body of a notification larger than a block
   * @param block what the registration asked for
   * @param after the number of the observation it replaces
   */
  constructor(
    private readonly core: Core,
    private readonly responder: Responder,
    public state: PeerState,
    readonly key: string,
    private readonly transferKey: string,
    private readonly requestPayload: Uint8Array,
    private readonly block: Block | undefined,
    after: number,
  ) {
    this.number = after
    this.confirmedAt = core.clock.monotonic()
  }

  get peer(): Peer {
    return this.state.peer
  }

  get token(): Uint8Array {
    return Buffer.from(this.key, 'latin1')
  }

  /** The number of the last message. */
  get lastNumber(): number {
    return this.number
  }

  /** The number of the next message; 24 bits (RFC 7641 §4.4). */
  takeNumber(): number {
    this.number = (this.number + 1) & 0xffffff
    return this.number
  }

  notify(reply: CoapReply, options: { confirmable?: boolean } = {}): Promise<void> {
    const promise = this.ended
      ? Promise.reject(new CoapCancelled('the observation has ended'))
      : this.send(reply, options.confirmable ?? false)
    // Whoever does not care how a notification ended must not be punished for it.
    detach(promise, () => {})
    return promise
  }

  end(): void {
    this.stop(new CoapCancelled('the observation has ended'))
  }

  /** Ends it and tells so. */
  finish(reason: EndReason, error: Error): void {
    if (this.ended) return
    this.stop(error)
    try {
      this.onEnd(reason)
    } catch (thrown) {
      this.core.warn('listener-failed', `onEnd: ${describe(thrown)}`, this.peer)
    }
  }

  /** RST for a non-confirmable message; false when it was none of these notifications. */
  resetBy(messageId: number): boolean {
    if (!this.resettable.includes(messageId)) return false
    this.finish('reset', new CoapReset(`${this.peer.id} rejected a notification (RST)`))
    return true
  }

  onAcknowledged(): void {
    const { current, next } = this
    this.transmission = undefined
    this.current = undefined
    this.next = undefined
    if (current !== undefined) {
      if (!isSuccess(current.reply.code)) this.stop(new CoapCancelled('ended by an error'))
      current.resolve()
    }
    if (next !== undefined && !this.ended) this.confirm(next)
  }

  onPiggybacked(): boolean {
    return false
  }

  onReset(): void {
    this.finish('reset', new CoapReset(`${this.peer.id} rejected a notification (RST)`))
  }

  onUnacknowledged(): void {
    this.finish('timeout', new CoapTimeout(`${this.peer.id} does not acknowledge notifications`))
  }

  onSendFailure(error: Error): void {
    this.finish(error instanceof PeerGone ? 'gone' : 'error', error)
  }

  private send(reply: CoapReply, confirmable: boolean): Promise<void> {
    const due = this.core.clock.monotonic() - this.confirmedAt >= CONFIRM_EVERY
    if (!confirmable && !due) {
      try {
        this.sendOnce(reply)
      } catch (error) {
        this.finish(error instanceof PeerGone ? 'gone' : 'error', error as Error)
        return Promise.reject(error as Error)
      }
      if (!isSuccess(reply.code)) this.end()
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const waiting = { reply, resolve, reject }
      if (this.current === undefined) {
        this.confirm(waiting)
        return
      }
      // One in flight; of those that wait only the newest matters (RFC 7641 §4.5.2).
      this.next?.resolve()
      this.next = waiting
    })
  }

  private sendOnce(reply: CoapReply): void {
    const messageId = this.state.takeMessageId()
    const datagram = this.encode(MessageType.NON, messageId, reply)
    this.resettable.push(messageId)
    if (this.resettable.length > RESETTABLE) this.resettable.shift()
    this.core.send(this.state, datagram)
    this.sent(reply)
  }

  private confirm(waiting: Waiting): void {
    this.current = waiting
    this.confirmedAt = this.core.clock.monotonic()
    const messageId = this.state.takeMessageId()
    try {
      const datagram = this.encode(MessageType.CON, messageId, waiting.reply)
      this.transmission = new Transmission(this.core, this.state, messageId, datagram, this)
      this.transmission.start()
    } catch (error) {
      this.onSendFailure(error as Error)
      return
    }
    this.sent(waiting.reply)
  }

  private sent(reply: CoapReply): void {
    try {
      reply.onSent?.()
    } catch (error) {
      this.core.warn('listener-failed', `onSent: ${describe(error)}`, this.peer)
    }
  }

  private encode(type: number, messageId: number, reply: CoapReply): Buffer {
    const options = replyOptions(reply)
    const part = this.responder.blocks.first(
      { state: this.state, tokenLength: this.key.length },
      { code: reply.code, options, payload: reply.payload },
      () => this.transferKey,
      this.requestPayload,
      this.block,
    )
    return encodeMessage({
      type,
      code: part.code,
      messageId,
      token: Buffer.from(this.key, 'latin1'),
      options: isSuccess(reply.code)
        ? [uintOption(OptionNumber.OBSERVE, this.takeNumber()), ...part.options]
        : part.options,
      payload: part.payload,
    })
  }

  private stop(error: Error): void {
    if (this.ended) return
    this.ended = true
    this.transmission?.end()
    this.transmission = undefined
    const { current, next } = this
    this.current = undefined
    this.next = undefined
    current?.reject(error)
    next?.reject(error)
    this.responder.forget(this)
  }
}
