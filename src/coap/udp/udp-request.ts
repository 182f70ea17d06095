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

/** A request over UDP. */
export class UdpRequest implements ArrivedRequest {
  readonly confirmable: boolean
  private acknowledged = false
  private answered = false
  private separate: SeparateAck | undefined = undefined

  constructor(
    private readonly layer: UdpAnswers,
    readonly state: PeerState,
    readonly message: UdpMessage,
    /** Keeps the answer for the duplicates to come. */
    readonly recent: Recent,
  ) {
    this.confirmable = message.type === MessageType.CON
  }

  /** The user has not answered at once: after `ms` the peer is told that its request is here. */
  wait(ms: number): void {
    if (!this.confirmable || this.answered) return
    this.separate = new SeparateAck(this)
    this.layer.schedule(this.separate, ms)
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

  acknowledge(): void {
    this.acknowledged = true
    this.layer.acknowledge(this)
  }

  private end(): void {
    this.answered = true
    if (this.separate?.isScheduled === true) this.layer.unschedule(this.separate)
  }
}

/** The empty ACK that stops the retransmissions of a request whose response takes its time. */
class SeparateAck extends Timer {
  constructor(private readonly request: UdpRequest) {
    super()
  }

  onTimer(): void {
    this.request.acknowledge()
  }
}
