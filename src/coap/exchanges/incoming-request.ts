import type { Peer } from '../../transport/transport'
import { MessageType, type Message } from '../messages/codec'
import { Code } from '../codes'
import type { Recent } from '../messages/duplicates'
import type { Observation } from '../observe/observation'
import type { OptionFields } from '../options'
import type { PeerState } from '../peers'
import type { Responder } from './responder'
import type { CoapOption, CoapRequest, ObservationHandle } from '../types'

/** A request on its way to the handler and back. */
export class IncomingRequest implements CoapRequest {
  readonly peer: Peer
  readonly code: number
  readonly confirmable: boolean
  /** An empty ACK was sent: the response goes on its own. */
  acknowledged = false
  observation: Observation | undefined = undefined

  constructor(
    private readonly responder: Responder,
    private readonly origin: PeerState,
    readonly message: Message,
    readonly fields: OptionFields,
    readonly recent: Recent,
    readonly payload: Buffer,
    /** Of the first block, when the body came in several. */
    readonly contentFormat: number | undefined,
  ) {
    this.peer = origin.peer
    this.code = message.code
    this.confirmable = message.type === MessageType.CON
  }

  /** Of the peer as it is now: it may have moved while the handler ran. */
  get state(): PeerState {
    return this.origin.current
  }

  get token(): Uint8Array {
    return this.message.token
  }

  get path(): readonly string[] {
    return this.fields.path
  }

  get query(): readonly string[] {
    return this.fields.query
  }

  get accept(): number | undefined {
    return this.fields.accept
  }

  /** Observe means nothing with other methods (RFC 7641 §2, RFC 8132 §2.4). */
  get observe(): number | undefined {
    return this.code === Code.GET || this.code === Code.FETCH ? this.fields.observe : undefined
  }

  get options(): readonly CoapOption[] {
    return this.message.options
  }

  acceptObservation(): ObservationHandle {
    return this.responder.accept(this)
  }

  cancelObservation(): boolean {
    return this.observe === 1 && this.responder.cancel(this)
  }
}
