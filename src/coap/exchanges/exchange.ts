import { Timer, type Scheduler } from '../../base/scheduler'
import { CoapReset, CoapResponseTimeout, CoapTimeout } from '../errors'
import type { Message, OutgoingMessage } from '../message'
import type { MessageLayer, RequestOwner, ResponseReceiver, SentMessage } from '../message-layer'
import { type DropReason, Hold, type PeerFollower, type PeerState } from '../peers'
import type { Settings } from '../settings'
import type { CoapStats } from '../stats'
import type { TransmissionOptions } from '../types'

/** The sender of a request; told once how it ended. */
export interface ExchangeOwner {
  /** False for a late response to an earlier request with the same token. */
  expects(message: Message): boolean
  onResponse(message: Message): void
  onFailure(error: Error): void
}

/** What an exchange needs of the exchanges of its endpoint. */
interface ExchangeHost {
  readonly layer: MessageLayer
  readonly scheduler: Scheduler
  readonly settings: Settings
  readonly stats: CoapStats
}

/** One request message and its response (RFC 7252 §5.2). As a timer, it is the response timeout. */
export class Exchange extends Timer implements ResponseReceiver, RequestOwner {
  /** The next exchange of the same peer. */
  next: Exchange | undefined = undefined
  private sent: SentMessage | undefined = undefined
  private acknowledged = false
  private done = false

  /**
   * @param relation receives notifications with the same token; they are not responses to this
   *   request
   */
  constructor(
    private readonly host: ExchangeHost,
    public state: PeerState,
    readonly token: string,
    private readonly owner: ExchangeOwner,
    private readonly relation: ResponseReceiver | undefined,
  ) {
    super()
  }

  /**
   * Sends the request.
   * @throws as {@link MessageLayer.request}; the exchange is over then
   */
  start(message: OutgoingMessage, confirmable: boolean, timing: TransmissionOptions): void {
    const { layer, scheduler, settings, stats } = this.host
    const { state } = this
    this.acknowledged = !confirmable
    stats.requestsOut++
    this.next = state.exchanges as Exchange | undefined
    state.exchanges = this
    scheduler.schedule(this, timing.responseTimeout ?? settings.responseTimeout)
    try {
      const sent = layer.request(state, message, confirmable, timing, this)
      if (!this.done) this.sent = sent
    } catch (error) {
      this.cancel()
      throw error
    }
  }

  /** Ends the exchange without telling the owner. */
  cancel(): void {
    if (this.done) return
    this.done = true
    this.leave()
    this.host.scheduler.cancel(this)
    this.sent?.cancel()
    this.sent = undefined
  }

  private succeed(message: Message): void {
    if (this.done) return
    this.cancel()
    this.owner.onResponse(message)
  }

  private fail(error: Error): void {
    if (this.done) return
    this.cancel()
    this.owner.onFailure(error)
  }

  /** Called when the layer knows that it answers this very message. */
  onResponse(message: Message): void {
    this.sent = undefined
    this.succeed(message)
  }

  /** A separate response also stands for an ACK that was lost (RFC 7252 §5.2.2). */
  onMessage(message: Message): void {
    if (this.relation !== undefined && message.observe !== undefined) {
      this.relation.onMessage(message)
    } else if (this.owner.expects(message)) {
      this.succeed(message)
    }
  }

  onRejected(error: Error): void {
    this.fail(error)
  }

  onAcknowledged(): void {
    this.sent = undefined
    this.acknowledged = true
  }

  onReset(): void {
    this.sent = undefined
    this.fail(new CoapReset(`${this.state.peer.id} rejected the request (RST)`))
  }

  onUndelivered(error: Error): void {
    this.sent = undefined
    this.fail(error)
  }

  /** The response timeout. */
  onTimer(): void {
    this.host.stats.timeouts++
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

  /** Removes it from the exchanges of its peer. */
  private leave(): void {
    const { state } = this
    let before = state.exchanges as Exchange | undefined
    if (before === this) state.exchanges = this.next
    else {
      while (before !== undefined && before.next !== this) before = before.next
      if (before !== undefined) before.next = this.next
    }
    this.next = undefined
  }
}

/** The exchanges of all peers. */
export class Exchanges implements PeerFollower, ExchangeHost {
  constructor(
    readonly layer: MessageLayer,
    readonly scheduler: Scheduler,
    readonly settings: Settings,
    readonly stats: CoapStats,
  ) {}

  /**
   * Creates an exchange that is not started yet. A response belongs to the exchange with the same
   * token *of the same peer* (RFC 7252 §5.3.2).
   * @param relation receives notifications with the same token
   */
  make(
    state: PeerState,
    token: string,
    owner: ExchangeOwner,
    relation: ResponseReceiver | undefined,
  ): Exchange {
    return new Exchange(this, state, token, owner, relation)
  }

  find(state: PeerState, token: string): Exchange | undefined {
    let exchange = state.exchanges as Exchange | undefined
    while (exchange !== undefined && exchange.token !== token) exchange = exchange.next
    return exchange
  }

  /** The senders of the requests hold the peer. */
  holds(): Hold {
    return Hold.NONE
  }

  move(from: PeerState, to: PeerState): void {
    let exchange = from.exchanges as Exchange | undefined
    from.exchanges = undefined
    while (exchange !== undefined) {
      const { next } = exchange
      exchange.state = to
      exchange.next = to.exchanges as Exchange | undefined
      to.exchanges = exchange
      exchange = next
    }
  }

  drop(state: PeerState, why: () => Error, _reason: DropReason): void {
    for (;;) {
      const exchange = state.exchanges as Exchange | undefined
      if (exchange === undefined) return
      exchange.onUndelivered(why())
    }
  }
}
