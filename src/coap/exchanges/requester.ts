import type { Peer } from '../../transport/transport'
import { MessageType, encodeEmpty } from '../messages/codec'
import type { Core } from '../core'
import { CoapCancelled, CoapQueueFull, CoapTimeout } from '../errors'
import { Operation, type OperationExtras } from './operation'
import type { PeerState } from '../peers'
import { RequestQueue } from './request-queue'
import { Transmission, type TransmissionOwner } from '../messages/transmission'
import type { CoapRequestInit, CoapResponse, TransmissionOptions } from '../types'

const PLAIN: OperationExtras = Object.freeze({})

/** The asking role: every request goes through its peer's queue. */
export class Requester {
  constructor(private readonly core: Core) {}

  request(
    state: PeerState,
    init: CoapRequestInit,
    extras: OperationExtras = PLAIN,
  ): Promise<CoapResponse> {
    return new Promise((resolve, reject) => {
      this.start(state, init, extras, resolve, reject)
    })
  }

  /** Like {@link request}, for those who want to hold the operation. */
  start(
    state: PeerState,
    init: CoapRequestInit,
    extras: OperationExtras,
    resolve: (response: CoapResponse) => void,
    reject: (error: Error) => void,
  ): Operation | undefined {
    const { nstart, maxQueuedPerPeer } = this.core.settings
    const { signal, token } = init
    if (signal?.aborted === true) {
      reject(new CoapCancelled('the request was aborted'))
      return undefined
    }
    state.requests ??= new RequestQueue(nstart)
    const queue = state.requests
    if (extras.front !== true && queue.waitingCount >= maxQueuedPerPeer) {
      reject(new CoapQueueFull(`${queue.waitingCount} requests wait for ${state.peer.id} already`))
      return undefined
    }
    let operation: Operation
    try {
      operation = new Operation(
        this.core,
        state,
        init,
        extras,
        extras.token ?? (token === undefined ? this.core.tokens.fresh() : tokenKeyOf(token)),
        resolve,
        reject,
        settled,
      )
    } catch (error) {
      if (queue.empty) state.requests = undefined
      reject(error as Error)
      return undefined
    }
    queue.add(operation, extras.front === true)
    return operation
  }

  /** Rejects everything that waits for an answer of this peer. */
  cancelAll(state: PeerState, error: Error): void {
    const { requests } = state
    if (requests === undefined) return
    // The waiting ones first: otherwise each would begin when the one before it ends.
    for (const operation of requests.list().reverse()) operation.fail(error)
  }

  /** An empty confirmable message, to which the peer answers RST (RFC 7252 §4.3). */
  ping(state: PeerState, timing: TransmissionOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const messageId = state.takeMessageId()
      const datagram = encodeEmpty(MessageType.CON, messageId)
      const owner = new Ping(state.peer, resolve, reject)
      try {
        const { ackTimeout, maxRetransmit } = timing
        new Transmission(
          this.core,
          state,
          messageId,
          datagram,
          owner,
          ackTimeout,
          maxRetransmit,
        ).start()
      } catch (error) {
        reject(error as Error)
      }
    })
  }
}

/** The queue goes when it is empty: most peers are idle. */
function settled(operation: Operation): void {
  const { state } = operation
  state.requests?.remove(operation)
  if (state.requests?.empty === true) state.requests = undefined
}

/** @throws RangeError when it is no token */
export function tokenKeyOf(token: Uint8Array): string {
  if (token.length < 1 || token.length > 8) {
    throw new RangeError(`a token has 1 to 8 bytes, not ${token.length}`)
  }
  return Buffer.from(token).toString('latin1')
}

class Ping implements TransmissionOwner {
  constructor(
    private readonly peer: Peer,
    private readonly resolve: () => void,
    private readonly reject: (error: Error) => void,
  ) {}

  onReset(): void {
    this.resolve()
  }

  onAcknowledged(): void {
    this.resolve()
  }

  onPiggybacked(): boolean {
    return false
  }

  onUnacknowledged(): void {
    this.reject(new CoapTimeout(`${this.peer.id} does not answer a ping`))
  }

  onSendFailure(error: Error): void {
    this.reject(error)
  }
}
