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
  /** Sends the response in the ACK, or non-confirmable like the request. @throws RangeError */
  answer(request: UdpRequest, response: OutgoingMessage): void
  /** Sends a separate response. @throws RangeError */
  answerSeparately(request: UdpRequest, response: OutgoingMessage): void
  /** Sends an empty ACK. */
  acknowledge(request: UdpRequest): void
  /** Sends RST. */
  refuse(request: UdpRequest): void
}

/** A request received over UDP. */
export class UdpRequest implements ArrivedRequest {
  readonly confirmable: boolean
  private acknowledged = false
  private answered = false
  private separate: SeparateAck | undefined = undefined

  constructor(
    private readonly layer: UdpAnswers,
    readonly state: PeerState,
    readonly message: UdpMessage,
    /** Keeps the response for later duplicates. */
    readonly recent: Recent,
  ) {
    this.confirmable = message.type === MessageType.CON
  }

  /** Called if there is no response yet: sends an empty ACK after `ms`. */
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

/** Timer of the empty ACK that stops the retransmissions of a request whose response takes long. */
class SeparateAck extends Timer {
  constructor(private readonly request: UdpRequest) {
    super()
  }

  onTimer(): void {
    this.request.acknowledge()
  }
}
