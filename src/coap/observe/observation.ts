import type { Scheduler } from '../../base/scheduler'
import { describeError, detach } from '../../base/guard'
import { PeerGone, type Peer } from '../../transport/transport'
import type { Requested, ResponseBlocks } from '../blockwise/response-blocks'
import { isSuccess } from '../codes'
import { CoapCancelled, CoapReset, CoapTimeout } from '../errors'
import type { AcceptedObservation } from '../exchanges/incoming-request'
import { replyOptions } from '../exchanges/message-options'
import type { OutgoingMessage } from '../message'
import type { MessageLayer, MessageOwner, SentMessage } from '../message-layer'
import { OptionNumber, uintOption } from '../options'
import type { PeerState } from '../peers'
import type { CoapReply, ObservationHandle } from '../types'
import type { Warnings } from '../warnings'

/** RFC 7641 §4.5: maximum time in milliseconds between confirmable notifications. */
const CONFIRM_EVERY = 24 * 3600 * 1000
type EndReason = Parameters<ObservationHandle['onEnd']>[0]

/** A queued notification and the functions that settle its promise. */
interface Waiting {
  readonly reply: CoapReply
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What observations need of the object that keeps them. */
export interface ObservationHost {
  readonly layer: MessageLayer
  readonly blocks: ResponseBlocks
  readonly scheduler: Scheduler
  readonly warnings: Warnings
  /** Removes an observation that ended. */
  remove(observation: Observation): void
}

/** The server side of an observation (RFC 7641 §4). */
export class Observation implements AcceptedObservation, MessageOwner {
  ended = false
  onEnd: (reason: EndReason) => void = () => {}
  private number: number
  private confirmedAt: number
  /** The confirmable notification that is not acknowledged yet. */
  private sent: SentMessage | undefined = undefined
  private current: Waiting | undefined = undefined
  private next: Waiting | undefined = undefined

  /**
   * @param key the token, one character per byte
   * @param observed the request that made it
   * @param after the number of the observation that it replaces
   */
  constructor(
    private readonly host: ObservationHost,
    public state: PeerState,
    readonly key: string,
    private readonly observed: Requested,
    after: number,
  ) {
    this.number = after
    this.confirmedAt = host.scheduler.monotonic()
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
    // A caller that ignores the outcome of a notification must not cause an unhandled rejection.
    detach(promise, () => {})
    return promise
  }

  end(): void {
    this.stop(new CoapCancelled('the observation has ended'))
  }

  /** Ends it and calls the listener. */
  finish(reason: EndReason, error: Error): void {
    if (this.ended) return
    this.stop(error)
    try {
      this.onEnd(reason)
    } catch (thrown) {
      this.host.warnings.warn('listener-failed', `onEnd: ${describeError(thrown)}`, this.peer)
    }
  }

  refused(reason: string): void {
    this.finish('error', new CoapCancelled(reason))
  }

  onAcknowledged(): void {
    const { current, next } = this
    this.sent = undefined
    this.current = undefined
    this.next = undefined
    if (current !== undefined) {
      if (!isSuccess(current.reply.code)) this.stop(new CoapCancelled('ended by an error'))
      current.resolve()
    }
    if (next !== undefined && !this.ended) this.confirm(next)
  }

  onReset(): void {
    this.finish('reset', new CoapReset(`${this.peer.id} rejected a notification (RST)`))
  }

  onUndelivered(error: Error): void {
    if (error instanceof CoapTimeout) {
      this.finish('timeout', new CoapTimeout(`${this.peer.id} does not acknowledge notifications`))
    } else {
      this.finish(error instanceof PeerGone ? 'gone' : 'error', error)
    }
  }

  private send(reply: CoapReply, confirmable: boolean): Promise<void> {
    const due = this.host.scheduler.monotonic() - this.confirmedAt >= CONFIRM_EVERY
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
      // One is outstanding; of those queued only the newest is sent (RFC 7641 §4.5.2).
      this.next?.resolve()
      this.next = waiting
    })
  }

  private sendOnce(reply: CoapReply): void {
    this.host.layer.notify(this.state, this.messageOf(reply), false, this)
    this.tellSent(reply)
  }

  private confirm(waiting: Waiting): void {
    this.current = waiting
    this.confirmedAt = this.host.scheduler.monotonic()
    try {
      const message = this.messageOf(waiting.reply)
      const sent = this.host.layer.notify(this.state, message, true, this)
      // It may be acknowledged already.
      if (this.current === waiting) this.sent = sent
    } catch (error) {
      this.onUndelivered(error as Error)
      return
    }
    this.tellSent(waiting.reply)
  }

  private tellSent(reply: CoapReply): void {
    try {
      reply.onSent?.()
    } catch (error) {
      this.host.warnings.warn('listener-failed', `onSent: ${describeError(error)}`, this.peer)
    }
  }

  /** @throws RangeError if the reply cannot be encoded */
  private messageOf(reply: CoapReply): OutgoingMessage {
    const { code, options, payload } = this.host.blocks.first(
      this.state,
      this.key,
      { code: reply.code, options: replyOptions(reply), payload: reply.payload },
      this.observed,
    )
    const token = this.key
    if (!isSuccess(reply.code)) return { code, token, options, payload }
    const number = uintOption(OptionNumber.OBSERVE, this.takeNumber())
    return { code, token, options: [number, ...options], payload }
  }

  private stop(error: Error): void {
    if (this.ended) return
    this.ended = true
    this.sent?.cancel()
    this.sent = undefined
    const { current, next } = this
    this.current = undefined
    this.next = undefined
    current?.reject(error)
    next?.reject(error)
    this.host.remove(this)
  }
}
