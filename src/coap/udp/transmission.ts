import { Timer } from '../../base/scheduler'
import { CoapTimeout } from '../errors'
import type { MessageOwner, RequestOwner, SentMessage } from '../message-layer'
import type { PeerState } from '../peers'

/** The peer of a transmission. */
export interface TransmissionPeer {
  readonly state: PeerState
  /** The newest transmission. */
  transmission: Transmission | undefined
}

/** What transmissions need of their layer. */
export interface TransmissionLayer {
  schedule(timer: Timer, ms: number): void
  unschedule(timer: Timer): void
  /** @throws PeerGone and other errors of the transport */
  send(state: PeerState, datagram: Buffer, repeated: boolean): void
  /** Counts a confirmable message without ACK. */
  countTimeout(): void
}

/** A confirmable message until its ACK (RFC 7252 §4.2). */
export class Transmission extends Timer implements SentMessage {
  /** The next one of the same peer. */
  next: Transmission | undefined = undefined

  /**
   * @param requestOwner its owner if it is a request: its ACK may carry the response
   * @param token of that request
   * @param timeout milliseconds to the first retransmission
   * @param retriesLeft retransmissions
   */
  constructor(
    private readonly layer: TransmissionLayer,
    public peer: TransmissionPeer,
    readonly messageId: number,
    private readonly datagram: Buffer,
    private readonly owner: MessageOwner,
    readonly requestOwner: RequestOwner | undefined,
    readonly token: string,
    private timeout: number,
    private retriesLeft: number,
  ) {
    super()
  }

  /**
   * Sends the datagram for the first time.
   * @throws PeerGone and other errors of the transport; the transmission has ended then
   */
  start(): void {
    const { peer, layer } = this
    this.next = peer.transmission
    peer.transmission = this
    layer.schedule(this, this.timeout)
    try {
      layer.send(peer.state, this.datagram, false)
    } catch (error) {
      this.cancel()
      throw error
    }
  }

  cancel(): void {
    this.layer.unschedule(this)
    const { peer } = this
    if (peer.transmission === this) peer.transmission = this.next
    else {
      let before = peer.transmission
      while (before !== undefined && before.next !== this) before = before.next
      if (before !== undefined) before.next = this.next
    }
    this.next = undefined
  }

  acknowledge(): void {
    this.cancel()
    this.owner.onAcknowledged()
  }

  reset(): void {
    this.cancel()
    this.owner.onReset()
  }

  /** Ends it because the peer is gone or the CoapEndpoint stops. */
  abandon(error: Error): void {
    this.cancel()
    this.owner.onUndelivered(error)
  }

  onTimer(): void {
    const { layer } = this
    const { state } = this.peer
    if (this.retriesLeft === 0) {
      layer.countTimeout()
      this.abandon(new CoapTimeout(`${state.peer.id} does not acknowledge`))
      return
    }
    this.retriesLeft--
    this.timeout *= 2
    try {
      layer.send(state, this.datagram, true)
    } catch (error) {
      this.abandon(error as Error)
      return
    }
    layer.schedule(this, this.timeout)
  }

  override onTimerError(error: unknown): void {
    this.abandon(error as Error)
  }
}

/** Finds the transmission of a peer with this Message-ID. */
export function findTransmission(
  peer: TransmissionPeer | undefined,
  messageId: number,
): Transmission | undefined {
  let transmission = peer?.transmission
  while (transmission !== undefined && transmission.messageId !== messageId) {
    transmission = transmission.next
  }
  return transmission
}
