import { Code } from '../../../src/coap'
import { CoapFormatError } from '../../../src/coap/errors'
import { badOption, Message, type OutgoingMessage } from '../../../src/coap/message'
import type {
  ArrivedRequest,
  MessageLayer,
  MessageLayerParts,
  MessageOwner,
  MessageUser,
  RequestOwner,
  ResponseReceiver,
  SentMessage,
} from '../../../src/coap/message-layer'
import { OptionNumber, option } from '../../../src/coap/options'
import type { Hold, PeerState } from '../../../src/coap/peers'
import type { CoapTrace, TransmissionOptions } from '../../../src/coap/types'
import { contentLength, inOrder, readContent, writeContent } from '../../../src/coap/wire'
import type { Peer } from '../../../src/transport/transport'

const MASK = 0x5a
/** A tag, the inner code and the OSCORE option. */
const OVERHEAD = 12

/**
 * A layer around another one, in the shape of OSCORE (RFC 8613): code, options and payload are
 * masked in the payload of an outer message, and the sender is identified by a key id, not by the
 * address. No security.
 */
export class ProtectingMessages implements MessageLayer {
  private readonly inner: MessageLayer
  /** The address of a peer that is identified by its key id. */
  private readonly carriers = new Map<string, Peer>()

  /**
   * @param ownId this side's key id
   * @param peerOf who has a key id, heard of through `carrier`
   */
  constructor(
    private readonly parts: MessageLayerParts,
    makeInner: (parts: MessageLayerParts) => MessageLayer,
    private readonly ownId = '',
    private readonly peerOf: (id: string, carrier: Peer) => Peer = (_id, carrier) => carrier,
  ) {
    const user: MessageUser = {
      onRequest: (arrived) => this.onRequest(arrived),
      receiverOf: (carrier, _state, token) => this.receiverOf(carrier, token),
      badOption: ({ badCritical }) => badCritical,
      onActivity: (carrier) => parts.user.onActivity(this.ownerOf(carrier)),
    }
    this.inner = makeInner({ ...parts, user })
  }

  get onTrace(): ((trace: CoapTrace) => void) | undefined {
    return this.inner.onTrace
  }

  set onTrace(listener: ((trace: CoapTrace) => void) | undefined) {
    this.inner.onTrace = listener
  }

  get concurrency(): number {
    return this.inner.concurrency
  }

  get ordered(): boolean {
    return this.inner.ordered
  }

  room(peer: Peer): number {
    return this.inner.room(this.carrierOf(peer)) - OVERHEAD - this.ownId.length
  }

  headLength(tokenLength: number, options: OutgoingMessage['options']): number {
    return this.inner.headLength(tokenLength, options)
  }

  pin(peer: Peer, pinned: boolean): void {
    this.inner.pin(this.carrierOf(peer), pinned)
  }

  receive(peer: Peer, bytes: Buffer): void {
    this.inner.receive(peer, bytes)
  }

  request(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    timing: TransmissionOptions,
    owner: RequestOwner,
  ): SentMessage | undefined {
    const outer: RequestOwner = {
      onAcknowledged: () => owner.onAcknowledged(),
      onReset: () => owner.onReset(),
      onUndelivered: (error) => owner.onUndelivered(error),
      onResponse: (response) => {
        const plain = unprotect(response)
        if (plain !== undefined) owner.onResponse(plain)
        else owner.onUndelivered(unprotected())
      },
    }
    const carrier = this.carrierState(state)
    return this.inner.request(carrier, this.protect(message), confirmable, timing, outer)
  }

  notify(
    state: PeerState,
    message: OutgoingMessage,
    confirmable: boolean,
    owner: MessageOwner,
  ): SentMessage | undefined {
    return this.inner.notify(this.carrierState(state), this.protect(message), confirmable, owner)
  }

  ping(state: PeerState, timing: TransmissionOptions, owner: MessageOwner): void {
    this.inner.ping(this.carrierState(state), timing, owner)
  }

  expire(now: number): boolean {
    return this.inner.expire(now)
  }

  holds(state: PeerState): Hold {
    return this.inner.holds(state)
  }

  move(from: PeerState, to: PeerState): void {
    this.inner.move(from, to)
  }

  drop(state: PeerState, why: () => Error, reason: 'gone' | 'stopped'): void {
    this.inner.drop(state, why, reason)
  }

  private onRequest(arrived: ArrivedRequest): void {
    const { message, confirmable } = arrived
    const plain = unprotect(message)
    if (plain === undefined) {
      arrived.respond({ code: Code.UNAUTHORIZED, token: message.token, options: [] })
      return
    }
    const carrier = arrived.state.current.peer
    const peer = this.peerOf(Buffer.from(message.oscore ?? []).toString('latin1'), carrier)
    if (peer !== carrier) this.carriers.set(peer.id, carrier)
    const { peers, scheduler, user } = this.parts
    user.onRequest({
      state: peers.open(peer, scheduler.monotonic()),
      message: plain,
      confirmable,
      respond: (response) => arrived.respond(this.protect(response)),
      reject: () => arrived.reject(),
    })
  }

  private receiverOf(carrier: Peer, token: string): ResponseReceiver | undefined {
    const { peers, user } = this.parts
    const peer = this.ownerOf(carrier)
    const receiver = user.receiverOf(peer, peers.find(peer), token)
    if (receiver === undefined) return undefined
    return {
      onMessage: (message) => {
        const plain = unprotect(message)
        if (plain !== undefined) receiver.onMessage(plain)
        else receiver.onRejected(unprotected())
      },
      onRejected: (error) => receiver.onRejected(error),
    }
  }

  private carrierOf(peer: Peer): Peer {
    return this.carriers.get(peer.id) ?? peer
  }

  private carrierState(state: PeerState): PeerState {
    const carrier = this.carrierOf(state.peer)
    if (carrier === state.peer) return state
    const { peers, scheduler } = this.parts
    return peers.open(carrier, scheduler.monotonic())
  }

  /** The peer reached through a carrier: itself, or the one identified by a key id. */
  private ownerOf(carrier: Peer): Peer {
    for (const [id, each] of this.carriers) {
      if (each.id === carrier.id) return this.peerOf(id.slice(id.indexOf(':') + 1), carrier)
    }
    return carrier
  }

  private protect({ code, token, options, payload }: OutgoingMessage): OutgoingMessage {
    const sorted = inOrder(options)
    const plain = Buffer.alloc(1 + contentLength(sorted, payload?.length ?? 0))
    plain[0] = code
    writeContent(plain, 1, sorted, payload)
    const outer = [option(OptionNumber.OSCORE, Buffer.from(this.ownId, 'latin1'))]
    const observe = options.find(({ number }) => number === OptionNumber.OBSERVE)
    if (observe !== undefined) outer.push(observe)
    const outerCode = code >= 64 ? Code.CHANGED : observe === undefined ? Code.POST : Code.FETCH
    return { code: outerCode, token, options: outer, payload: masked(plain) }
  }
}

/** Undefined for a message that is not protected, or cannot be decoded. */
function unprotect(outer: Message): Message | undefined {
  if (outer.oscore === undefined) return undefined
  const bytes = masked(outer.payload)
  const message = new Message()
  message.code = bytes[0] ?? 0
  message.token = outer.token
  try {
    readContent(message, bytes, 1)
  } catch {
    return undefined
  }
  return message.code >= 64 && badOption(message) !== 0 ? undefined : message
}

function masked(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => byte ^ MASK))
}

function unprotected(): CoapFormatError {
  return new CoapFormatError('the response is not protected', Buffer.alloc(0))
}
