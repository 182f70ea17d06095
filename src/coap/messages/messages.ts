import type { Peer } from '../../transport/transport'
import { MessageType, decodeMessage, encodeEmpty, peekHeader, type Message } from './codec'
import { isRequest } from '../codes'
import type { Core } from '../core'
import { Progress, hashBytes, type Recent } from './duplicates'
import { CoapFormatError } from '../errors'
import { readOptions, type OptionFields } from '../options'
import type { PeerState } from '../peers'
import { findExchange, type TokenHolder } from './tokens'
import { findTransmission } from './transmission'

/** What lies above the message layer. */
export interface MessageUser {
  /** A request that is no duplicate. `recent` keeps its answer for the duplicates to come. */
  onRequest(state: PeerState, message: Message, fields: OptionFields, recent: Recent): void
  /**
   * A response under a token that this peer has no request or relation with; `holders` are the peers
   * that have a relation with it. Answers the peer that it is to be taken as from.
   */
  onUnknownToken(peer: Peer, holders: readonly Peer[]): Peer | undefined
  /** RST for a non-confirmable message of ours. */
  onNonReset(state: PeerState, messageId: number): void
  /** The peer sent something valid; it has been dealt with. */
  onActivity(peer: Peer): void
}

/**
 * The message layer (RFC 7252 §4): takes datagrams, answers duplicates, acknowledges, rejects, and
 * hands on what is new to the request it answers, or to the {@link MessageUser}.
 */
export class MessageLayer {
  constructor(
    private readonly core: Core,
    private readonly user: MessageUser,
  ) {}

  /** Takes one datagram. Throws nothing that the datagram could cause. */
  receive(peer: Peer, datagram: Buffer): void {
    const { core } = this
    core.stats.received++
    let message: Message
    try {
      message = decodeMessage(datagram)
    } catch (error) {
      this.refuse(peer, datagram, error)
      return
    }
    if (core.onTrace !== undefined)
      core.trace('in', peer, datagram, this.seenBefore(peer, datagram))
    let valid: boolean
    if (message.code === 0) valid = this.receiveEmpty(peer, message)
    else if (isRequest(message.code)) valid = this.receiveRequest(peer, message, datagram)
    else valid = this.receiveResponse(peer, message, datagram)
    if (valid) this.user.onActivity(peer)
  }

  /** Not a message: a confirmable one is rejected, the rest ignored (RFC 7252 §4.2, §4.3). */
  private refuse(peer: Peer, datagram: Buffer, error: unknown): void {
    this.core.stats.malformed++
    const header = peekHeader(datagram)
    if (header?.type === MessageType.CON) this.reject(peer, header.messageId)
    const reason = error instanceof CoapFormatError ? error.message : 'not decodable'
    this.core.warn('malformed', `not a CoAP message: ${reason}`, peer, datagram)
  }

  private seenBefore(peer: Peer, datagram: Buffer): boolean {
    const state = this.core.peers.find(peer)
    if (state === undefined) return false
    const now = this.core.clock.monotonic()
    const id = datagram.readUInt16BE(2)
    return this.core.duplicates.find(state, id, hashBytes(datagram), now) !== undefined
  }

  private receiveEmpty(peer: Peer, message: Message): boolean {
    const state = this.core.peers.find(peer)
    switch (message.type) {
      case MessageType.CON:
        // "CoAP ping" (RFC 7252 §4.3).
        this.reject(peer, message.messageId)
        if (state !== undefined) this.heard(state)
        return true
      case MessageType.ACK: {
        const transmission = state && findTransmission(state, message.messageId)
        if (state === undefined || transmission === undefined) return false
        this.heard(state)
        transmission.acknowledge()
        return true
      }
      case MessageType.RST: {
        if (state === undefined) return false
        this.core.stats.resets++
        this.heard(state)
        const transmission = findTransmission(state, message.messageId)
        if (transmission !== undefined) transmission.reset()
        else this.user.onNonReset(state, message.messageId)
        return true
      }
      default:
        return false
    }
  }

  private receiveRequest(peer: Peer, message: Message, datagram: Buffer): boolean {
    const { core } = this
    if (message.type !== MessageType.CON && message.type !== MessageType.NON) {
      core.stats.malformed++
      core.warn('malformed', 'a request in an ACK or RST', peer, datagram)
      return false
    }
    const now = core.clock.monotonic()
    const state = core.peers.open(peer, now)
    core.peers.heard(state, now)
    const hash = hashBytes(datagram)
    const known = core.duplicates.find(state, message.messageId, hash, now)
    if (known !== undefined) {
      this.answerDuplicate(peer, message, known)
      return true
    }
    const recent = core.duplicates.remember(state, message.messageId, hash, now)
    if (recent === undefined) {
      // As many requests of this peer are in work as may be; it will retransmit.
      core.warn('unexpected', 'too many requests at once, one was dropped', peer)
      return true
    }
    core.stats.requestsIn++
    this.user.onRequest(state, message, readOptions(message.options), recent)
    return true
  }

  private answerDuplicate(peer: Peer, message: Message, known: Recent): void {
    const { core } = this
    core.stats.duplicates++
    if (message.type !== MessageType.CON) return
    if (known.progress === Progress.ANSWERED) {
      core.trySendTo(peer, Buffer.from(known.reply, 'latin1'), true)
    } else if (known.progress === Progress.ACKNOWLEDGED) {
      core.trySendTo(peer, encodeEmpty(MessageType.ACK, message.messageId), true)
    }
  }

  private receiveResponse(peer: Peer, message: Message, datagram: Buffer): boolean {
    const { core } = this
    let state = core.peers.find(peer)
    if (message.type === MessageType.RST) {
      core.stats.malformed++
      core.warn('malformed', 'a response in an RST', peer, datagram)
      return false
    }
    if (message.type === MessageType.ACK) {
      // Only through a Message-ID that this very peer has still to acknowledge (RFC 7252 §4.2).
      const transmission = state && findTransmission(state, message.messageId)
      if (state === undefined || transmission === undefined) return false
      this.heard(state)
      if (transmission.piggyback(message, readOptions(message.options))) return true
      core.warn('unexpected', 'an ACK with the token of another request', peer, datagram)
      return false
    }
    const confirmable = message.type === MessageType.CON
    const now = core.clock.monotonic()
    const hash = hashBytes(datagram)
    const known = state && core.duplicates.find(state, message.messageId, hash, now)
    if (state !== undefined && known !== undefined) {
      core.peers.heard(state, now)
      this.answerDuplicate(peer, message, known)
      return true
    }
    const tokenKey = message.token.toString('latin1')
    let holder = this.holderOf(state, tokenKey)
    if (holder === undefined) {
      holder = this.claimed(peer, tokenKey)
      if (holder === undefined) return this.unknownToken(peer, message, confirmable)
      state = core.peers.open(peer, now)
    }
    if (state === undefined) return false
    core.peers.heard(state, now)
    const fields = readOptions(message.options)
    if (fields.badCritical !== 0) {
      // RFC 7252 §5.4.1: such a response is rejected.
      if (confirmable) this.reject(peer, message.messageId)
      holder.onRejected(
        new CoapFormatError(`critical option ${fields.badCritical} in a response`, datagram),
      )
      return true
    }
    if (confirmable) {
      const recent = core.duplicates.remember(state, message.messageId, hash, now)
      const ack = encodeEmpty(MessageType.ACK, message.messageId)
      if (recent !== undefined) recent.progress = Progress.ACKNOWLEDGED
      core.trySendTo(peer, ack)
    } else if (fields.observe === undefined) {
      // Remembered so that a duplicate is not taken for an unknown response. Notifications need
      // no such memory: their number tells.
      const recent = core.duplicates.remember(state, message.messageId, hash, now)
      if (recent !== undefined) recent.progress = Progress.SILENT
    }
    holder.onMessage(message, fields)
    return true
  }

  private holderOf(state: PeerState | undefined, tokenKey: string): TokenHolder | undefined {
    if (state === undefined) return undefined
    return findExchange(state, tokenKey) ?? this.core.tokens.find(state, tokenKey)
  }

  /** What waits for this response at another peer, if it is from the same device. */
  private claimed(peer: Peer, tokenKey: string): TokenHolder | undefined {
    const { core, user } = this
    const holders = core.tokens.statesOf(tokenKey).map((state) => state.peer)
    const origin = user.onUnknownToken(peer, holders)
    return origin && this.holderOf(core.peers.find(origin), tokenKey)
  }

  /** RST makes the peer end an observation that nobody here knows of (RFC 7641 §3.6). */
  private unknownToken(peer: Peer, message: Message, confirmable: boolean): boolean {
    if (confirmable || this.core.settings.unknownNon === 'reset') {
      this.reject(peer, message.messageId)
    }
    return false
  }

  reject(peer: Peer, messageId: number): void {
    this.core.stats.rejected++
    this.core.trySendTo(peer, encodeEmpty(MessageType.RST, messageId))
  }

  private heard(state: PeerState): void {
    this.core.peers.heard(state, this.core.clock.monotonic())
  }
}
