/**
 * The interface between exchanges and the transmission of their messages. Over UDP it is
 * implemented by the message layer of RFC 7252 §4 (`udp/`); another framing or a security layer is
 * another implementation.
 */
import type { Scheduler } from '../base/scheduler'
import type { Peer, Transport } from '../transport/transport'
import type { Message, OutgoingMessage } from './message'
import type { PeerFollower, PeerState, PeerTable } from './peers'
import type { Settings } from './settings'
import type { CoapStats } from './stats'
import type { CoapTrace, TransmissionOptions } from './types'
import type { Warnings } from './warnings'

/** The sender of a message; told how its transmission ended, possibly before the call returns. */
export interface MessageOwner {
  /** The peer acknowledged the message. */
  onAcknowledged(): void
  /** The peer has no context for the message. */
  onReset(): void
  /**
   * The message was not delivered, as far as is known, or its peer is gone.
   * @param error CoapTimeout without acknowledgement, PeerGone, or the error of the transport
   */
  onUndelivered(error: Error): void
}

/** The sender of a request. */
export interface RequestOwner extends MessageOwner {
  /** The response, if the layer itself knows that it answers this very message. */
  onResponse(message: Message): void
}

/** A message that was sent and is not acknowledged yet. */
export interface SentMessage {
  /** Stops the retransmission; the owner is told nothing. */
  cancel(): void
}

/** Receives the responses with a token. */
export interface ResponseReceiver {
  /** Already acknowledged, if that is required. */
  onMessage(message: Message): void
  /** A response arrived, but was rejected. */
  onRejected(error: Error): void
}

/** A received request and the way to answer it. */
export interface ArrivedRequest {
  /** The sender. It may have moved since: see {@link PeerState.current}. */
  readonly state: PeerState
  readonly message: Message
  /** Whether the peer needs a response, even to a request with errors. */
  readonly confirmable: boolean
  /** Answers, once. If sending fails, a warning is emitted. */
  respond(response: OutgoingMessage): void
  /** Rejects it without a response, because it cannot be processed. */
  reject(): void
}

/** The layer above a message layer. */
export interface MessageUser {
  /** Called with a request that is not a duplicate. */
  onRequest(request: ArrivedRequest): void
  /**
   * The receiver of this response; `undefined` if there is none. `state` is undefined for an
   * unknown peer.
   */
  receiverOf(peer: Peer, state: PeerState | undefined, token: string): ResponseReceiver | undefined
  /** The first critical option of a response that is not understood; 0 if there is none. */
  badOption(response: Message): number
  /** Called after a valid message of the peer was processed. */
  onActivity(peer: Peer): void
}

/** Sends and receives the messages of all peers of one CoapEndpoint. */
export interface MessageLayer extends PeerFollower {
  /** Called with every message sent or received; undefined costs nothing. */
  onTrace: ((trace: CoapTrace) => void) | undefined
  /** Maximum number of outstanding requests per peer (NSTART, RFC 7252 §4.7). */
  readonly concurrency: number
  /**
   * Whether messages arrive in order and exactly once: Observe numbers are not needed then (RFC
   * 8323 §7.1).
   */
  readonly ordered: boolean
  /** Bytes of a message with this token and these options, without payload. */
  headLength(tokenLength: number, options: OutgoingMessage['options']): number
  /** Maximum size of a message to this peer, in bytes. */
  room(peer: Peer): number
  /** Sets whether a peer is registered: the transport keeps a pinned peer. */
  pin(peer: Peer, pinned: boolean): void
  /** Processes a received datagram. Never throws because of its content. */
  receive(peer: Peer, bytes: Buffer): void
  /**
   * Sends a request.
   * @param confirmable whether the layer must deliver it reliably
   * @returns undefined if the layer is done with it
   * @throws PeerGone and other errors of the transport; the owner is told nothing then. RangeError
   *   for a message that cannot be encoded.
   */
  request(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    timing: TransmissionOptions,
    owner: RequestOwner,
  ): SentMessage | undefined
  /**
   * Sends a response that does not answer a message just received: a notification.
   * @returns undefined if the layer is done with it
   * @throws as {@link request}
   */
  notify(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    owner: MessageOwner,
  ): SentMessage | undefined
  /**
   * Sends a ping; an acknowledgement and a reset both count as the answer. @throws as
   * {@link request}
   */
  ping(state: PeerState, timing: TransmissionOptions, owner: MessageOwner): void
  /** Drops expired state. Returns whether any state is left that will expire. */
  expire(now: number): boolean
}

/** What a message layer is created with. */
export interface MessageLayerParts {
  readonly transport: Transport
  readonly peers: PeerTable
  readonly scheduler: Scheduler
  readonly settings: Settings
  readonly stats: CoapStats
  readonly warnings: Warnings
  readonly user: MessageUser
}
