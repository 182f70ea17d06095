import { Timer } from '../../base/scheduler'
import type { ArrivedRequest } from '../message-layer'
import type { OutgoingMessage } from '../message'
import type { PeerState } from '../peers'
import { MessageType, type UdpMessage } from './codec'
import type { Recent } from './duplicates'

/** What requests need of their layer to be answered. */
export interface UdpAnswers {
  schedule(timer: Timer, ms: number): void
  unschedule(timer: Timer): void
  /** In the ACK, or non-confirmable like the request. @throws RangeError */
  answer(request: UdpRequest, response: OutgoingMessage): void
  /** As a message of its own. @throws RangeError */
  answerSeparately(request: UdpRequest, response: OutgoingMessage): void
  /** An empty ACK. */
  acknowledge(request: UdpRequest): void
  /** RST. */
  refuse(request: UdpRequest): void
}

/** A request over UDP. As a timer it is the empty ACK that stops its retransmissions. */
export class UdpRequest extends Timer implements ArrivedRequest {
  readonly confirmable: boolean
  private acknowledged = false
  private answered = false

  constructor(
    private readonly layer: UdpAnswers,
    readonly state: PeerState,
    readonly message: UdpMessage,
    /** Keeps the answer for the duplicates to come. */
    readonly recent: Recent,
  ) {
    super()
    this.confirmable = message.type === MessageType.CON
  }

  /** The user has not answered at once: after `ms` the peer is told that its request is here. */
  wait(ms: number): void {
    if (this.confirmable && !this.answered) this.layer.schedule(this, ms)
  }

  respond(response: OutgoingMessage): void {
    if (this.acknowledged) this.layer.answerSeparately(this, response)
    else this.layer.answer(this, response)
    this.end()
  }

  reject(): void {
    this.layer.refuse(this)
    this.end()
  }

  onTimer(): void {
    this.acknowledged = true
    this.layer.acknowledge(this)
  }

  private end(): void {
    this.answered = true
    if (this.isScheduled) this.layer.unschedule(this)
  }
}
