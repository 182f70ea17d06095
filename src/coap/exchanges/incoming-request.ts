import type { Peer } from '../../transport/transport'
import { Code } from '../codes'
import type { Requested } from '../blockwise/response-blocks'
import { downloadKey } from '../blockwise/transfer-key'
import type { Message, OutgoingMessage } from '../message'
import type { ArrivedRequest } from '../message-layer'
import type { Block } from '../options'
import type { PeerState } from '../peers'
import type { CoapOption, CoapRequest, ObservationHandle } from '../types'

/** An observation made by a request whose response carries the Observe number. */
export interface AcceptedObservation extends ObservationHandle {
  /** The Observe number of the next message. */
  takeNumber(): number
  /** Ends it because the request failed. */
  refused(reason: string): void
}

/** Creates and cancels observations. */
export interface ObservationKeeper {
  accept(request: IncomingRequest): AcceptedObservation
  /** Whether there was an observation to cancel. */
  cancel(request: IncomingRequest): boolean
}

/** A request between its arrival and its response. */
export class IncomingRequest implements CoapRequest, Requested {
  readonly code: number
  observation: AcceptedObservation | undefined = undefined

  /**
   * @param payload the whole body
   * @param contentFormat of the first block if the body was received in blocks
   */
  constructor(
    private readonly keeper: ObservationKeeper,
    private readonly arrived: ArrivedRequest,
    readonly message: Message,
    readonly payload: Buffer,
    readonly contentFormat: number | undefined,
  ) {
    this.code = message.code
  }

  get peer(): Peer {
    return this.arrived.state.peer
  }

  get confirmable(): boolean {
    return this.arrived.confirmable
  }

  /** The state of the peer now: it may have moved while the handler ran. */
  get state(): PeerState {
    return this.arrived.state.current
  }

  get token(): Uint8Array {
    return this.message.tokenBytes
  }

  get path(): readonly string[] {
    return this.message.path
  }

  get query(): readonly string[] {
    return this.message.query
  }

  get accept(): number | undefined {
    return this.message.accept
  }

  /** Observe has no meaning with other methods (RFC 7641 §2, RFC 8132 §2.4). */
  get observe(): number | undefined {
    return this.code === Code.GET || this.code === Code.FETCH ? this.message.observe : undefined
  }

  get options(): readonly CoapOption[] {
    return this.message.options
  }

  get transferKey(): string {
    return downloadKey(this.message.code, this.message.options)
  }

  get requestPayload(): Buffer {
    return this.payload
  }

  get block(): Block | undefined {
    return this.message.block2
  }

  acceptObservation(): ObservationHandle {
    return (this.observation = this.keeper.accept(this))
  }

  cancelObservation(): boolean {
    return this.observe === 1 && this.keeper.cancel(this)
  }

  /** Sends the response. @throws RangeError if it cannot be encoded */
  respond(response: OutgoingMessage): void {
    this.arrived.respond(response)
  }
}
