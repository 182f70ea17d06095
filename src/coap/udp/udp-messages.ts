import type { Timer } from '../../base/scheduler'
import { describeError } from '../../base/guard'
import type { Peer } from '../../transport/transport'
import { isRequest } from '../codes'
import { CoapFormatError } from '../errors'
import { hashBytes } from '../hash'
import type { OutgoingMessage } from '../message'
import type {
  MessageLayer,
  MessageLayerParts,
  MessageOwner,
  RequestOwner,
  SentMessage,
} from '../message-layer'
import { Hold, type PeerState } from '../peers'
import type { CoapTrace, TransmissionOptions } from '../types'
import {
  decodeMessage,
  encodeEmpty,
  encodeMessage,
  headLength,
  MessageType,
  peekHeader,
  type UdpMessage,
} from './codec'
import { DuplicateLog, Progress, type Recent } from './duplicates'
import { traceOf } from './trace'
import { findTransmission, Transmission, type TransmissionLayer } from './transmission'
import { findUdpPeer, type UdpPeer, udpPeerOf } from './udp-peer'
import { type UdpAnswers, UdpRequest } from './udp-request'

/**
 * The message layer of RFC 7252 §4: receives datagrams, answers duplicates, acknowledges, rejects
 * and retransmits. New messages are passed to the layer above.
 */
export class UdpMessages implements MessageLayer, TransmissionLayer, UdpAnswers {
  onTrace: ((trace: CoapTrace) => void) | undefined = undefined
  readonly ordered = false
  private readonly duplicates: DuplicateLog

  constructor(private readonly parts: MessageLayerParts) {
    const { duplicatesPerPeer, exchangeLifetime } = parts.settings
    this.duplicates = new DuplicateLog(duplicatesPerPeer, exchangeLifetime)
  }

  get concurrency(): number {
    return this.parts.settings.nstart
  }

  /** Number of messages remembered, of all peers. */
  get remembered(): number {
    return this.duplicates.size
  }

  room(peer: Peer): number {
    const { transport } = this.parts
    return transport.maxDatagramFor?.(peer) ?? transport.maxDatagram
  }

  pin(peer: Peer, pinned: boolean): void {
    this.parts.transport.pin(peer, pinned)
  }

  headLength(tokenLength: number, options: OutgoingMessage['options']): number {
    return headLength(tokenLength, options)
  }

  // Sending

  request(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    timing: TransmissionOptions,
    owner: RequestOwner,
  ): SentMessage | undefined {
    const peer = udpPeerOf(state)
    const messageId = peer.takeMessageId()
    if (!confirmable) {
      this.send(state, encodeMessage(MessageType.NON, messageId, message))
      return undefined
    }
    const datagram = encodeMessage(MessageType.CON, messageId, message)
    return this.transmit(peer, messageId, datagram, owner, timing, owner, message.token)
  }

  notify(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    owner: MessageOwner,
  ): SentMessage | undefined {
    const peer = udpPeerOf(state)
    const messageId = peer.takeMessageId()
    if (confirmable) {
      const datagram = encodeMessage(MessageType.CON, messageId, message)
      return this.transmit(peer, messageId, datagram, owner, UNTIMED)
    }
    const datagram = encodeMessage(MessageType.NON, messageId, message)
    peer.keepResettable(messageId, owner)
    this.send(state, datagram)
    return undefined
  }

  /** An empty confirmable message, to which the peer answers RST (RFC 7252 §4.3). */
  ping(state: PeerState, timing: TransmissionOptions, owner: MessageOwner): void {
    const peer = udpPeerOf(state)
    const messageId = peer.takeMessageId()
    const datagram = encodeEmpty(MessageType.CON, messageId)
    this.transmit(peer, messageId, datagram, owner, timing)
  }

  private transmit(
    peer: UdpPeer,
    messageId: number,
    datagram: Buffer,
    owner: MessageOwner,
    timing: TransmissionOptions,
    requestOwner?: RequestOwner,
    token = '',
  ): Transmission {
    const { settings } = this.parts
    const { ackTimeout = settings.ackTimeout, maxRetransmit = settings.maxRetransmit } = timing
    const timeout = ackTimeout * (1 + (settings.ackRandomFactor - 1) * Math.random())
    const transmission = new Transmission(
      this,
      peer,
      messageId,
      datagram,
      owner,
      requestOwner,
      token,
      timeout,
      maxRetransmit,
    )
    transmission.start()
    return transmission
  }

  // Responses

  answer(request: UdpRequest, response: OutgoingMessage): void {
    const { recent, confirmable, message } = request
    const state = request.state.current
    const datagram = confirmable
      ? encodeMessage(MessageType.ACK, message.messageId, response)
      : encodeMessage(MessageType.NON, udpPeerOf(state).takeMessageId(), response)
    if (confirmable) this.duplicates.answer(recent, datagram)
    else recent.progress = Progress.SILENT
    this.trySend(state.peer, datagram)
  }

  /**
   * Sends a confirmable separate response (RFC 7252 §5.2.2). Its ACK is not awaited: the client
   * will repeat the request.
   */
  answerSeparately(request: UdpRequest, response: OutgoingMessage): void {
    const state = request.state.current
    const peer = udpPeerOf(state)
    const messageId = peer.takeMessageId()
    const datagram = encodeMessage(MessageType.CON, messageId, response)
    try {
      this.transmit(peer, messageId, datagram, NOBODY, UNTIMED)
    } catch (error) {
      this.parts.warnings.warn('send-failed', describeError(error), state.peer)
    }
  }

  acknowledge({ recent, message, state }: UdpRequest): void {
    recent.progress = Progress.ACKNOWLEDGED
    this.trySend(state.peer, encodeEmpty(MessageType.ACK, message.messageId))
  }

  refuse({ recent, message, state }: UdpRequest): void {
    recent.progress = Progress.SILENT
    this.reject(state.peer, message.messageId)
  }

  // Receiving

  receive(peer: Peer, datagram: Buffer): void {
    this.parts.stats.received++
    let message: UdpMessage
    try {
      message = decodeMessage(datagram)
    } catch (error) {
      this.malformed(peer, datagram, error)
      return
    }
    if (this.onTrace !== undefined) {
      this.trace('in', peer, datagram, this.seenBefore(peer, datagram))
    }
    let valid: boolean
    if (message.code === 0) valid = this.receiveEmpty(peer, message)
    else if (isRequest(message.code)) valid = this.receiveRequest(peer, message, datagram)
    else valid = this.receiveResponse(peer, message, datagram)
    if (valid) this.parts.user.onActivity(peer)
  }

  /** A malformed message: rejected if confirmable, ignored otherwise (RFC 7252 §4.2, §4.3). */
  private malformed(peer: Peer, datagram: Buffer, error: unknown): void {
    const { stats, warnings } = this.parts
    stats.malformed++
    const header = peekHeader(datagram)
    if (header?.type === MessageType.CON) this.reject(peer, header.messageId)
    const reason = error instanceof CoapFormatError ? error.message : 'not decodable'
    warnings.warn('malformed', `not a CoAP message: ${reason}`, peer, datagram)
  }

  private receiveEmpty(peer: Peer, message: UdpMessage): boolean {
    const { messageId } = message
    const state = this.parts.peers.find(peer)
    const udpPeer = state && findUdpPeer(state)
    switch (message.type) {
      case MessageType.CON:
        // "CoAP ping" (RFC 7252 §4.3).
        this.reject(peer, messageId)
        if (state !== undefined) this.heard(state)
        return true
      case MessageType.ACK: {
        const transmission = findTransmission(udpPeer, messageId)
        if (state === undefined || transmission === undefined) return false
        this.heard(state)
        transmission.acknowledge()
        return true
      }
      case MessageType.RST: {
        if (state === undefined) return false
        this.parts.stats.resets++
        this.heard(state)
        const transmission = findTransmission(udpPeer, messageId)
        if (transmission !== undefined) transmission.reset()
        else udpPeer?.takeResettable(messageId)?.onReset()
        return true
      }
      default:
        return false
    }
  }

  private receiveRequest(peer: Peer, message: UdpMessage, datagram: Buffer): boolean {
    const { peers, scheduler, settings, stats, user, warnings } = this.parts
    if (message.type !== MessageType.CON && message.type !== MessageType.NON) {
      stats.malformed++
      warnings.warn('malformed', 'a request in an ACK or RST', peer, datagram)
      return false
    }
    const now = scheduler.monotonic()
    const state = peers.open(peer, now)
    peers.heard(state, now)
    const udpPeer = udpPeerOf(state)
    const hash = hashBytes(datagram)
    const known = this.duplicates.find(udpPeer, message.messageId, hash, now)
    if (known !== undefined) {
      this.answerDuplicate(peer, message, known)
      return true
    }
    const recent = this.duplicates.remember(udpPeer, message.messageId, hash, now)
    if (recent === undefined) {
      // Too many requests of this peer are in progress; it will retransmit.
      warnings.warn('unexpected', 'too many requests at once, one was dropped', peer)
      return true
    }
    stats.requestsIn++
    const request = new UdpRequest(this, state, message, recent)
    user.onRequest(request)
    request.wait(settings.separateAfter)
    return true
  }

  private receiveResponse(peer: Peer, message: UdpMessage, datagram: Buffer): boolean {
    const { peers, scheduler, stats, user, warnings } = this.parts
    let state = peers.find(peer)
    if (message.type === MessageType.RST) {
      stats.malformed++
      warnings.warn('malformed', 'a response in an RST', peer, datagram)
      return false
    }
    if (message.type === MessageType.ACK) return this.receivePiggybacked(peer, message, datagram)
    const confirmable = message.type === MessageType.CON
    const now = scheduler.monotonic()
    const hash = hashBytes(datagram)
    const udpPeer = state && findUdpPeer(state)
    const known = udpPeer && this.duplicates.find(udpPeer, message.messageId, hash, now)
    if (state !== undefined && known !== undefined) {
      peers.heard(state, now)
      this.answerDuplicate(peer, message, known)
      return true
    }
    const receiver = user.receiverOf(peer, state, message.token)
    if (receiver === undefined) return this.unknownToken(peer, message, confirmable)
    state ??= peers.open(peer, now)
    peers.heard(state, now)
    const bad = user.badOption(message)
    if (bad !== 0) {
      // RFC 7252 §5.4.1: such a response is rejected.
      if (confirmable) this.reject(peer, message.messageId)
      receiver.onRejected(notUnderstood(bad, datagram))
      return true
    }
    if (confirmable) {
      this.remember(state, message, hash, now, Progress.ACKNOWLEDGED)
      this.trySend(peer, encodeEmpty(MessageType.ACK, message.messageId))
    } else if (message.observe === undefined) {
      // So that a duplicate is not processed as an unknown response. Not needed for notifications,
      // which have a number.
      this.remember(state, message, hash, now, Progress.SILENT)
    }
    receiver.onMessage(message)
    return true
  }

  /** Matched only by a Message-ID that this very peer has not acknowledged yet (RFC 7252 §4.2). */
  private receivePiggybacked(peer: Peer, message: UdpMessage, datagram: Buffer): boolean {
    const state = this.parts.peers.find(peer)
    const transmission = findTransmission(state && findUdpPeer(state), message.messageId)
    if (state === undefined || transmission === undefined) return false
    this.heard(state)
    const { requestOwner, token } = transmission
    if (requestOwner === undefined || token !== message.token) {
      const text = 'an ACK with the token of another request'
      this.parts.warnings.warn('unexpected', text, peer, datagram)
      return false
    }
    transmission.cancel()
    const bad = this.parts.user.badOption(message)
    if (bad === 0) requestOwner.onResponse(message)
    else requestOwner.onUndelivered(notUnderstood(bad, datagram))
    return true
  }

  private remember(
    state: PeerState,
    { messageId }: UdpMessage,
    hash: number,
    now: number,
    progress: number,
  ): void {
    const recent = this.duplicates.remember(udpPeerOf(state), messageId, hash, now)
    if (recent !== undefined) recent.progress = progress
  }

  private answerDuplicate(peer: Peer, message: UdpMessage, known: Recent): void {
    this.parts.stats.duplicates++
    if (message.type !== MessageType.CON) return
    if (known.progress === Progress.ANSWERED) {
      this.trySend(peer, Buffer.from(known.reply, 'latin1'), true)
    } else if (known.progress === Progress.ACKNOWLEDGED) {
      this.trySend(peer, encodeEmpty(MessageType.ACK, message.messageId), true)
    }
  }

  /** RST makes the peer end an observation that is unknown here (RFC 7641 §3.6). */
  private unknownToken(peer: Peer, { messageId }: UdpMessage, confirmable: boolean): boolean {
    if (confirmable || this.parts.settings.unknownNon === 'reset') this.reject(peer, messageId)
    return false
  }

  private reject(peer: Peer, messageId: number): void {
    this.parts.stats.rejected++
    this.trySend(peer, encodeEmpty(MessageType.RST, messageId))
  }

  private heard(state: PeerState): void {
    this.parts.peers.heard(state, this.parts.scheduler.monotonic())
  }

  // Peers: holds, moves and drops

  holds(state: PeerState): Hold {
    return findUdpPeer(state)?.transmission === undefined ? Hold.NONE : Hold.AWAITED
  }

  move(from: PeerState, to: PeerState): void {
    const source = findUdpPeer(from)
    if (source === undefined) return
    const target = udpPeerOf(to)
    this.duplicates.move(source, target)
    target.takeOver(source)
    from.messages = undefined
  }

  drop(state: PeerState, why: () => Error): void {
    const peer = findUdpPeer(state)
    if (peer === undefined) return
    if (peer.transmission !== undefined) {
      const error = why()
      while (peer.transmission !== undefined) peer.transmission.abandon(error)
    }
    this.duplicates.forget(peer)
  }

  expire(now: number): boolean {
    this.duplicates.expire(now)
    return this.duplicates.size > 0
  }

  // For transmissions and requests

  schedule(timer: Timer, ms: number): void {
    this.parts.scheduler.schedule(timer, ms)
  }

  unschedule(timer: Timer): void {
    this.parts.scheduler.cancel(timer)
  }

  countTimeout(): void {
    this.parts.stats.timeouts++
  }

  send(state: PeerState, datagram: Buffer, repeated = false): void {
    this.sendTo(state.peer, datagram, repeated)
  }

  private sendTo(peer: Peer, datagram: Buffer, repeated: boolean): void {
    const { transport, stats } = this.parts
    transport.send(peer, datagram)
    stats.sent++
    if (repeated) stats.retransmitted++
    if (this.onTrace !== undefined) this.trace('out', peer, datagram, repeated)
  }

  /** For replies, which have no caller to reject: a failure is a warning. */
  private trySend(peer: Peer, datagram: Buffer, repeated = false): void {
    try {
      this.sendTo(peer, datagram, repeated)
    } catch (error) {
      this.parts.warnings.warn('send-failed', describeError(error), peer)
    }
  }

  private seenBefore(peer: Peer, datagram: Buffer): boolean {
    const { peers, scheduler } = this.parts
    const state = peers.find(peer)
    const udpPeer = state && findUdpPeer(state)
    if (udpPeer === undefined) return false
    const messageId = datagram.readUInt16BE(2)
    const now = scheduler.monotonic()
    return this.duplicates.find(udpPeer, messageId, hashBytes(datagram), now) !== undefined
  }

  private trace(direction: 'in' | 'out', peer: Peer, datagram: Buffer, repeated: boolean): void {
    try {
      const trace = traceOf(direction, peer, this.parts.scheduler.now(), datagram, repeated)
      if (trace !== undefined) this.onTrace?.(trace)
    } catch (error) {
      this.parts.warnings.warn('listener-failed', `onTrace: ${describeError(error)}`, peer)
    }
  }
}

function notUnderstood(option: number, datagram: Buffer): CoapFormatError {
  return new CoapFormatError(`critical option ${option} in a response`, datagram)
}

const UNTIMED: TransmissionOptions = Object.freeze({})

/** The ACK is not awaited. */
const NOBODY: MessageOwner = {
  onAcknowledged() {},
  onReset() {},
  onUndelivered() {},
}
