import type { BodyBudget } from '../blockwise/body-budget'
import { CoapCancelled, CoapQueueFull, CoapTimeout } from '../errors'
import type { MessageLayer, MessageOwner } from '../message-layer'
import { Hold, type PeerFollower, type PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { CoapRequestInit, CoapResponse, TransmissionOptions } from '../types'
import type { Warnings } from '../warnings'
import type { Exchanges } from './exchange'
import { Operation, type OperationExtras, type OperationHost } from './operation'
import { RequestQueue } from './request-queue'
import { tokenOf, type Tokens } from './tokens'

const PLAIN: OperationExtras = Object.freeze({})

/** The client role: sends requests through the queue of their peer. */
export class Requester implements OperationHost, PeerFollower {
  readonly largestSzx: number

  /** @param bodies memory limit of the bodies being received */
  constructor(
    readonly layer: MessageLayer,
    readonly exchanges: Exchanges,
    readonly tokens: Tokens,
    readonly settings: Settings,
    readonly warnings: Warnings,
    readonly bodies: BodyBudget,
  ) {
    this.largestSzx = blockExponent(settings.blockSize)
  }

  request(
    state: PeerState,
    init: CoapRequestInit,
    extras: OperationExtras = PLAIN,
  ): Promise<CoapResponse> {
    return new Promise((resolve, reject) => {
      this.start(state, init, extras, resolve, reject)
    })
  }

  /** Like {@link request}, but returns the operation. */
  start(
    state: PeerState,
    init: CoapRequestInit,
    extras: OperationExtras,
    resolve: (response: CoapResponse) => void,
    reject: (error: Error) => void,
  ): Operation | undefined {
    const { signal, token } = init
    if (signal?.aborted === true) {
      reject(new CoapCancelled('the request was aborted'))
      return undefined
    }
    const queue = queueOf(state) ?? new RequestQueue(this.layer.concurrency)
    if (extras.front !== true && queue.waitingCount >= this.settings.maxQueuedPerPeer) {
      reject(new CoapQueueFull(`${queue.waitingCount} requests wait for ${state.peer.id} already`))
      return undefined
    }
    let operation: Operation
    try {
      const own = extras.token ?? (token === undefined ? this.tokens.fresh() : tokenOf(token))
      operation = new Operation(this, state, init, extras, own, resolve, reject)
    } catch (error) {
      reject(error as Error)
      return undefined
    }
    state.requests = queue
    queue.add(operation, extras.front === true)
    return operation
  }

  /** An empty queue is dropped: most peers are idle. */
  settled(operation: Operation): void {
    const { state } = operation
    const queue = queueOf(state)
    queue?.remove(operation)
    if (queue?.empty === true && state.requests === queue) state.requests = undefined
  }

  /** Rejects all pending requests to this peer. */
  cancelAll(state: PeerState, why: () => Error): void {
    const queue = queueOf(state)
    if (queue === undefined) return
    const error = why()
    // Queued ones first: otherwise each would be started when the one before it ends.
    for (const operation of queue.list().reverse()) operation.fail(error)
  }

  /** Resolves when the peer answers. @throws CoapTimeout, PeerGone */
  ping(state: PeerState, timing: TransmissionOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner: MessageOwner = {
        onAcknowledged: resolve,
        onReset: resolve,
        onUndelivered: (error) =>
          reject(
            error instanceof CoapTimeout
              ? new CoapTimeout(`${state.peer.id} does not answer a ping`)
              : error,
          ),
      }
      try {
        this.layer.ping(state, timing, owner)
      } catch (error) {
        reject(error as Error)
      }
    })
  }

  holds(state: PeerState): Hold {
    return state.requests === undefined ? Hold.NONE : Hold.AWAITED
  }

  move(from: PeerState, to: PeerState): void {
    const source = queueOf(from)
    if (source === undefined) return
    for (const operation of source.list()) operation.move(to)
    const target = queueOf(to) ?? new RequestQueue(this.layer.concurrency)
    target.absorb(source)
    to.requests = target
    from.requests = undefined
  }

  drop(state: PeerState, why: () => Error): void {
    this.cancelAll(state, why)
  }
}

function queueOf(state: PeerState): RequestQueue | undefined {
  return state.requests as RequestQueue | undefined
}
