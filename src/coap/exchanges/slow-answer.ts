import { MessageType, encodeEmpty } from '../messages/codec'
import type { Core } from '../core'
import { Progress } from '../messages/duplicates'
import type { IncomingRequest } from './incoming-request'
import type { Responder } from './responder'
import { Timer } from '../../base/scheduler'
import type { CoapReply } from '../types'

/** A handler that takes its time. As a timer it is the empty ACK that stops the retransmissions. */
export class SlowAnswer extends Timer {
  constructor(
    private readonly core: Core,
    private readonly responder: Responder,
    private readonly request: IncomingRequest,
  ) {
    super()
  }

  wait(outcome: Promise<CoapReply>): void {
    const { core, request } = this
    if (request.confirmable) core.scheduler.schedule(this, core.settings.separateAfter)
    const answered = outcome.then(
      (reply) => {
        core.scheduler.cancel(this)
        this.responder.respond(request, reply)
      },
      (error: unknown) => {
        core.scheduler.cancel(this)
        this.responder.failed(request, error)
      },
    )
    core.scheduler.detach('answering a request', answered)
  }

  onTimer(): void {
    const { core, request } = this
    if (core.stopped) return
    request.acknowledged = true
    request.recent.progress = Progress.ACKNOWLEDGED
    core.trySendTo(request.peer, encodeEmpty(MessageType.ACK, request.message.messageId))
  }
}
