import { CoapFormatError } from '../../../src/coap/errors'
import { isRequest } from '../../../src/coap/codes'
import { Message, type OutgoingMessage } from '../../../src/coap/message'
import type {
  ArrivedRequest,
  MessageLayer,
  MessageLayerParts,
  MessageOwner,
  RequestOwner,
} from '../../../src/coap/message-layer'
import { Hold, type PeerState } from '../../../src/coap/peers'
import type { CoapTrace, TransmissionOptions } from '../../../src/coap/types'
import {
  contentLength,
  inOrder,
  readContent,
  readToken,
  writeContent,
  writeToken,
} from '../../../src/coap/wire'
import type { Peer } from '../../../src/transport/transport'

/** Ping and Pong (RFC 8323 §5.4). */
const PING = 0xe2
const PONG = 0xe3

/**
 * A message layer over a reliable, ordered transport: code, length of the token, token, options and
 * payload. It has no Message-IDs, acknowledgements, retransmissions or duplicates.
 */
export class ReliableMessages implements MessageLayer {
  onTrace: ((trace: CoapTrace) => void) | undefined = undefined
  readonly concurrency = Infinity
  readonly ordered = true
  /** Callers waiting for a Pong, oldest first, by the id of the peer. */
  private readonly pings = new Map<string, MessageOwner[]>()

  constructor(private readonly parts: MessageLayerParts) {}

  room(peer: Peer): number {
    const { transport } = this.parts
    return transport.maxDatagramFor?.(peer) ?? transport.maxDatagram
  }

  pin(peer: Peer, pinned: boolean): void {
    this.parts.transport.pin(peer, pinned)
  }

  headLength(tokenLength: number, options: OutgoingMessage['options']): number {
    return 2 + tokenLength + contentLength(inOrder(options), 0)
  }

  request(
    state: PeerState,
    message: OutgoingMessage,
    _confirmable: boolean,
    _timing: TransmissionOptions,
    owner: RequestOwner,
  ): undefined {
    this.deliver(state, message, owner)
  }

  notify(
    state: PeerState,
    message: OutgoingMessage,
    _confirmable: boolean,
    owner: MessageOwner,
  ): undefined {
    this.deliver(state, message, owner)
  }

  ping(state: PeerState, _timing: TransmissionOptions, owner: MessageOwner): void {
    const waiting = this.pings.get(state.peer.id) ?? []
    waiting.push(owner)
    this.pings.set(state.peer.id, waiting)
    this.send(state, { code: PING, token: '', options: [] })
  }

  receive(peer: Peer, bytes: Buffer): void {
    const { peers, scheduler, stats, user } = this.parts
    stats.received++
    const message = new Message()
    message.code = bytes[0] ?? 0
    const tokenLength = bytes[1] ?? 0
    message.token = readToken(bytes, 2, tokenLength)
    readContent(message, bytes, 2 + tokenLength)
    const now = scheduler.monotonic()
    const state = peers.open(peer, now)
    peers.heard(state, now)
    if (message.code === PING) this.send(state, { code: PONG, token: '', options: [] })
    else if (message.code === PONG) this.pings.get(peer.id)?.shift()?.onAcknowledged()
    else if (isRequest(message.code)) {
      stats.requestsIn++
      user.onRequest(this.arrived(state, message))
    } else {
      const receiver = user.receiverOf(peer, state, message.token)
      if (user.badOption(message) === 0) receiver?.onMessage(message)
      else receiver?.onRejected(new CoapFormatError('a critical option in a response', bytes))
    }
    user.onActivity(peer)
  }

  private arrived(state: PeerState, message: Message): ArrivedRequest {
    return {
      state,
      message,
      confirmable: true,
      respond: (response) => this.send(state.current, response),
      reject: () => {},
    }
  }

  private deliver(state: PeerState, message: OutgoingMessage, owner: MessageOwner): void {
    this.send(state, message)
    owner.onAcknowledged()
  }

  private send(state: PeerState, message: OutgoingMessage): void {
    const { code, token, payload } = message
    const options = inOrder(message.options)
    const bytes = Buffer.alloc(2 + token.length + contentLength(options, payload?.length ?? 0))
    bytes[0] = code
    bytes[1] = token.length
    writeContent(bytes, writeToken(token, bytes, 2), options, payload)
    this.parts.transport.send(state.peer, bytes)
    this.parts.stats.sent++
  }

  holds(): Hold {
    return Hold.NONE
  }

  move(): void {}

  drop(state: PeerState, why: () => Error): void {
    const waiting = this.pings.get(state.peer.id)
    this.pings.delete(state.peer.id)
    for (const owner of waiting ?? []) owner.onUndelivered(why())
  }

  expire(): boolean {
    return false
  }
}
