import { randomInt } from 'node:crypto'
import type { MessageOwner } from '../message-layer'
import type { PeerState } from '../peers'
import type { Recent, RecentPeer } from './duplicates'
import type { Transmission, TransmissionPeer } from './transmission'

/** Number of non-confirmable messages per peer whose RST is still understood. */
const MOST_RESETTABLE = 64

/** The state of a peer in the message layer over UDP. */
export class UdpPeer implements RecentPeer, TransmissionPeer {
  nextMessageId = randomInt(0x10000)
  /** The remembered messages of the peer. */
  oldest: Recent | undefined = undefined
  newest: Recent | undefined = undefined
  recentCount = 0
  ascending = true
  /** Confirmable messages that wait for their ACK. */
  transmission: Transmission | undefined = undefined
  /** The owners of the last non-confirmable messages, by Message-ID. */
  private resettable: Map<number, MessageOwner> | undefined = undefined

  constructor(readonly state: PeerState) {}

  takeMessageId(): number {
    const messageId = this.nextMessageId
    this.nextMessageId = (messageId + 1) & 0xffff
    return messageId
  }

  /** Remembers the owner of a message, to tell it of an RST. */
  keepResettable(messageId: number, owner: MessageOwner): void {
    const resettable = (this.resettable ??= new Map<number, MessageOwner>())
    resettable.delete(messageId)
    resettable.set(messageId, owner)
    if (resettable.size <= MOST_RESETTABLE) return
    const [oldest] = resettable.keys()
    if (oldest !== undefined) resettable.delete(oldest)
  }

  /** The owner of a non-confirmable message that is being rejected. */
  takeResettable(messageId: number): MessageOwner | undefined {
    const owner = this.resettable?.get(messageId)
    if (owner !== undefined) this.resettable?.delete(messageId)
    return owner
  }

  /**
   * Takes over everything but the remembered messages: it is the same device, and its Message-IDs
   * continue.
   */
  takeOver(from: UdpPeer): void {
    this.nextMessageId = from.nextMessageId
    let last = from.transmission
    for (let each = last; each !== undefined; each = each.next) {
      each.peer = this
      last = each
    }
    if (last !== undefined) {
      last.next = this.transmission
      this.transmission = from.transmission
      from.transmission = undefined
    }
    for (const [messageId, owner] of from.resettable ?? []) this.keepResettable(messageId, owner)
    from.resettable = undefined
  }
}

/** Finds or creates the state of a peer. */
export function udpPeerOf(state: PeerState): UdpPeer {
  return (state.messages ??= new UdpPeer(state)) as UdpPeer
}

export function findUdpPeer(state: PeerState): UdpPeer | undefined {
  return state.messages as UdpPeer | undefined
}
