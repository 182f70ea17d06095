import type { Core } from '../core'
import type { Message } from './codec'
import type { OptionFields } from '../options'
import type { PeerState } from '../peers'
import { Timer } from '../../base/scheduler'

/** Who sent a confirmable message, and is told what became of it. */
export interface TransmissionOwner {
  /** An empty ACK came. */
  onAcknowledged(): void
  /** An ACK with a response came. False when it is not ours: the transmission then goes on. */
  onPiggybacked(message: Message, fields: OptionFields): boolean
  onReset(): void
  /** No ACK after the last retransmission (RFC 7252 §4.2). */
  onUnacknowledged(): void
  /** It could not be sent again, or its peer is gone. */
  onSendFailure(error: Error): void
}

/** A confirmable message until its ACK (RFC 7252 §4.2). */
export class Transmission extends Timer {
  /** The next one of the same peer. */
  next: Transmission | undefined = undefined
  private timeout: number
  private retriesLeft: number

  /** @param ackTimeout milliseconds, before ACK_RANDOM_FACTOR */
  constructor(
    private readonly core: Core,
    public state: PeerState,
    readonly messageId: number,
    private readonly datagram: Buffer,
    private readonly owner: TransmissionOwner,
    ackTimeout = core.settings.ackTimeout,
    maxRetransmit = core.settings.maxRetransmit,
  ) {
    super()
    const { ackRandomFactor } = core.settings
    this.timeout = ackTimeout * (1 + (ackRandomFactor - 1) * Math.random())
    this.retriesLeft = maxRetransmit
  }

  /**
   * Sends the datagram the first time.
   * @throws PeerGone and what else the transport throws; the transmission is over then
   */
  start(): void {
    const { core, state } = this
    this.next = state.transmission
    state.transmission = this
    core.scheduler.schedule(this, this.timeout)
    try {
      core.send(state, this.datagram)
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** Stops retransmitting. Idempotent. */
  end(): void {
    this.core.scheduler.cancel(this)
    const { state } = this
    if (state.transmission === this) state.transmission = this.next
    else {
      let before = state.transmission
      while (before !== undefined && before.next !== this) before = before.next
      if (before !== undefined) before.next = this.next
    }
    this.next = undefined
  }

  acknowledge(): void {
    this.end()
    this.owner.onAcknowledged()
  }

  /** False when the response belongs to something else. */
  piggyback(message: Message, fields: OptionFields): boolean {
    if (!this.owner.onPiggybacked(message, fields)) return false
    this.end()
    return true
  }

  reset(): void {
    this.end()
    this.owner.onReset()
  }

  /** The peer is gone or the endpoint stops. */
  abandon(error: Error): void {
    this.end()
    this.owner.onSendFailure(error)
  }

  onTimer(): void {
    if (this.retriesLeft === 0) {
      this.end()
      this.core.stats.timeouts++
      this.owner.onUnacknowledged()
      return
    }
    this.retriesLeft--
    this.timeout *= 2
    try {
      this.core.send(this.state, this.datagram, true)
    } catch (error) {
      this.end()
      this.owner.onSendFailure(error as Error)
      return
    }
    this.core.scheduler.schedule(this, this.timeout)
  }

  override onTimerError(error: unknown): void {
    this.abandon(error as Error)
  }
}

/** The transmission of a peer with this Message-ID. */
export function findTransmission(state: PeerState, messageId: number): Transmission | undefined {
  let transmission = state.transmission
  while (transmission !== undefined && transmission.messageId !== messageId) {
    transmission = transmission.next
  }
  return transmission
}
