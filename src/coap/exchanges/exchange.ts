import { MessageType, encodeMessage, type Message } from '../messages/codec'
import type { Core } from '../core'
import { CoapFormatError, CoapReset, CoapResponseTimeout, CoapTimeout } from '../errors'
import type { OptionFields } from '../options'
import type { PeerState } from '../peers'
import { Timer } from '../../base/scheduler'
import { addExchange, removeExchange, type TokenHolder } from '../messages/tokens'
import { Transmission, type TransmissionOwner } from '../messages/transmission'
import type { CoapOption, TransmissionOptions } from '../types'

/** Who sent a request, and is told once how it ended. */
export interface ExchangeOwner {
  /** False for a response that came late: to an earlier request under the same token. */
  expects(fields: OptionFields): boolean
  onResponse(message: Message, fields: OptionFields): void
  onFailure(error: Error): void
}

/** The request of an exchange. */
export interface ExchangeRequest {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array | undefined
  readonly confirmable: boolean
}

/** One request message and its response (RFC 7252 §5.2). As a timer it is the response time-out. */
export class Exchange extends Timer implements TokenHolder, TransmissionOwner {
  nextHolder: TokenHolder | undefined = undefined
  private transmission: Transmission | undefined = undefined
  private acknowledged = false
  private done = false

  /**
   * @param relation what else receives notifications under the same token; they are no responses to
   *   this request
   */
  constructor(
    private readonly core: Core,
    public state: PeerState,
    readonly tokenKey: string,
    private readonly owner: ExchangeOwner,
    private readonly timing: TransmissionOptions,
    private readonly relation: TokenHolder | undefined,
  ) {
    super()
  }

  /**
   * Sends the request.
   * @throws PeerGone and what else the transport throws; the exchange is over then
   */
  start(request: ExchangeRequest): void {
    const { core, state, timing } = this
    const { confirmable } = request
    const messageId = state.takeMessageId()
    const datagram = encodeMessage({
      type: confirmable ? MessageType.CON : MessageType.NON,
      code: request.code,
      messageId,
      token: Buffer.from(this.tokenKey, 'latin1'),
      options: request.options,
      payload: request.payload,
    })
    this.acknowledged = !confirmable
    core.stats.requestsOut++
    addExchange(this)
    core.scheduler.schedule(this, timing.responseTimeout ?? core.settings.responseTimeout)
    try {
      if (confirmable) {
        const { ackTimeout, maxRetransmit } = timing
        this.transmission = new Transmission(
          core,
          state,
          messageId,
          datagram,
          this,
          ackTimeout,
          maxRetransmit,
        )
        this.transmission.start()
      } else {
        core.send(state, datagram)
      }
    } catch (error) {
      this.cancel()
      throw error
    }
  }

  /** Ends it without telling the owner. */
  cancel(): void {
    if (this.done) return
    this.done = true
    removeExchange(this)
    this.core.scheduler.cancel(this)
    this.transmission?.end()
    this.transmission = undefined
  }

  private succeed(message: Message, fields: OptionFields): void {
    this.cancel()
    this.owner.onResponse(message, fields)
  }

  private fail(error: Error): void {
    this.cancel()
    this.owner.onFailure(error)
  }

  onMessage(message: Message, fields: OptionFields): void {
    if (this.relation !== undefined && fields.observe !== undefined) {
      this.relation.onMessage(message, fields)
      return
    }
    if (!this.owner.expects(fields)) return
    // A response on its own also stands for an ACK that got lost (RFC 7252 §5.2.2).
    this.succeed(message, fields)
  }

  onRejected(error: Error): void {
    this.fail(error)
  }

  onPiggybacked(message: Message, fields: OptionFields): boolean {
    if (message.token.toString('latin1') !== this.tokenKey) return false
    if (fields.badCritical !== 0) {
      this.fail(
        new CoapFormatError(
          `critical option ${fields.badCritical} in a response`,
          encodeMessage(message),
        ),
      )
    } else {
      this.succeed(message, fields)
    }
    return true
  }

  onAcknowledged(): void {
    this.transmission = undefined
    this.acknowledged = true
  }

  onReset(): void {
    this.transmission = undefined
    this.fail(new CoapReset(`${this.state.peer.id} rejected the request (RST)`))
  }

  onUnacknowledged(): void {
    this.transmission = undefined
    this.fail(new CoapTimeout(`${this.state.peer.id} does not acknowledge`))
  }

  onSendFailure(error: Error): void {
    this.transmission = undefined
    this.fail(error)
  }

  /** The response time-out. */
  onTimer(): void {
    this.core.stats.timeouts++
    const { id } = this.state.peer
    this.fail(
      this.acknowledged
        ? new CoapResponseTimeout(`${id} acknowledged but did not answer in time`)
        : new CoapTimeout(`${id} did not answer in time`),
    )
  }
  override onTimerError(error: unknown): void {
    this.fail(error as Error)
  }
}
