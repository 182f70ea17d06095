/**
 * The seam between exchanges and what carries their messages. Over UDP that is the message layer of
 * RFC 7252 §4 (`udp/`); another framing or a security layer is another implementation.
 */
import type { Scheduler } from '../base/scheduler'
import type { Peer, Transport } from '../transport/transport'
import type { Message, OutgoingMessage } from './message'
import type { PeerFollower, PeerState, PeerTable } from './peers'
import type { Settings } from './settings'
import type { CoapStats } from './stats'
import type { CoapTrace, TransmissionOptions } from './types'
import type { Warnings } from './warnings'

/** Who sent a message, and is told what became of it. It may be told before the call returns. */
export interface MessageOwner {
  /** The peer has the message. */
  onAcknowledged(): void
  /** The peer has no context for the message. */
  onReset(): void
  /**
   * The message did not arrive, as far as is known, or its peer is gone.
   * @param error CoapTimeout without acknowledgement, PeerGone, or what the transport threw
   */
  onUndelivered(error: Error): void
}

/** Who sent a request. */
export interface RequestOwner extends MessageOwner {
  /** The response, where the layer itself knows that it answers this very message. */
  onResponse(message: Message): void
}

/** A message that was sent and is not acknowledged yet. */
export interface SentMessage {
  /** Nobody waits for it any more: no retransmission, and its owner is told nothing. */
  cancel(): void
}

/** What responses under a token go to. */
export interface ResponseReceiver {
  /** Already acknowledged, where that is to be done. */
  onMessage(message: Message): void
  /** It came, but was rejected. */
  onRejected(error: Error): void
}

/** A request that arrived, and the way back. */
export interface ArrivedRequest {
  /** Who sent it. It may have moved since: see {@link PeerState.current}. */
  readonly state: PeerState
  readonly message: Message
  /** Whether the peer waits for a response by all means, so that even a request that cannot be understood gets one. */
  readonly confirmable: boolean
  /** Answers, once. A failure to send it is a warning. */
  respond(response: OutgoingMessage): void
  /** Instead of a response: it cannot be understood, and the peer need not be told more. */
  reject(): void
}

/** What lies above a message layer. */
export interface MessageUser {
  /** A request that is no duplicate. */
  onRequest(request: ArrivedRequest): void
  /** Who waits for this response; `undefined` when nobody does. `state` is undefined for an unknown peer. */
  receiverOf(peer: Peer, state: PeerState | undefined, token: string): ResponseReceiver | undefined
  /** The first critical option that keeps a response from being understood; 0 for none. */
  badOption(response: Message): number
  /** The peer sent something valid; it has been dealt with. */
  onActivity(peer: Peer): void
}

/** Sends and receives the messages of all peers of one CoapEndpoint. */
export interface MessageLayer extends PeerFollower {
  /** Every message that crosses the wire; undefined costs nothing. */
  onTrace: ((trace: CoapTrace) => void) | undefined
  /** Requests that may be under way to one peer at once (NSTART, RFC 7252 §4.7). */
  readonly concurrency: number
  /** Whether messages arrive in order and once each: Observe numbers say nothing then (RFC 8323 §7.1). */
  readonly ordered: boolean
  /** Bytes of head (all but the payload) that a message with such a token has. */
  headLength(tokenLength: number, options: OutgoingMessage['options']): number
  /** Bytes that a message to this peer may have. */
  room(peer: Peer): number
  /** A pinned peer is registered: what carries its messages is kept. */
  pin(peer: Peer, pinned: boolean): void
  /** Takes what the transport received. Throws nothing that the bytes could cause. */
  receive(peer: Peer, bytes: Buffer): void
  /**
   * Sends a request.
   * @param confirmable whether the layer is to see to it that it arrives
   * @returns undefined when nothing is left to be done for it
   * @throws PeerGone and what else the transport throws; the owner is told nothing then. RangeError
   *   for a message that cannot be written.
   */
  request(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    timing: TransmissionOptions,
    owner: RequestOwner,
  ): SentMessage | undefined
  /**
   * Sends a response that answers no message just received: a notification.
   * @returns undefined when nothing is left to be done for it
   * @throws as {@link request}
   */
  notify(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    owner: MessageOwner,
  ): SentMessage | undefined
  /** Asks for a sign of life; either acknowledgement or reset is one. @throws as {@link request} */
  ping(state: PeerState, timing: TransmissionOptions, owner: MessageOwner): void
  /** Drops what is too old. Whether there is anything left that will get too old. */
  expire(now: number): boolean
}

/** What a message layer is made of and for. */
export interface MessageLayerParts {
  readonly transport: Transport
  readonly peers: PeerTable
  readonly scheduler: Scheduler
  readonly settings: Settings
  readonly stats: CoapStats
  readonly warnings: Warnings
  readonly user: MessageUser
}
