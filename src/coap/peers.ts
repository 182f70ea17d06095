import { randomInt } from 'node:crypto'
import type { Peer } from '../transport/transport'
import type { Recent } from './messages/duplicates'
import type { RequestQueue } from './exchanges/request-queue'
import type { ServiceState } from './exchanges/service-state'
import type { Relation } from './observe/relation'
import type { TokenHolder } from './messages/tokens'
import type { Transmission } from './messages/transmission'

/**
 * What the endpoint knows of one peer. There may be a hundred thousand of them, nearly all idle:
 * everything but a few numbers is made when it is needed and dropped when it is not.
 */
export class PeerState {
  /** Monotonic milliseconds of its last message. */
  heardAt = 0
  nextMessageId = randomInt(0x10000)
  pinned = false
  /** The neighbours among the strangers, from the longest silent on. */
  quieter: PeerState | undefined = undefined
  louder: PeerState | undefined = undefined
  listed = false
  /** The newest message remembered of it. */
  recent: Recent | undefined = undefined
  recentCount = 0
  /** Confirmable messages that wait for their ACK. */
  transmission: Transmission | undefined = undefined
  /** Requests that wait for their response. */
  exchange: TokenHolder | undefined = undefined
  /** Requests to it, with those that wait for their turn. */
  requests: RequestQueue | undefined = undefined
  /** Its notifications come here. */
  relations: Set<Relation> | undefined = undefined
  /** What it asks of us: bodies under way, observations. */
  service: ServiceState | undefined = undefined
  /** What took its place when it moved; slow handlers still hold this one. */
  movedTo: PeerState | undefined = undefined
  /** The largest block it takes, as an exponent (SZX), once it said so. */
  smallestSzx = 6

  constructor(public peer: Peer) {}

  takeMessageId(): number {
    const messageId = this.nextMessageId
    this.nextMessageId = (messageId + 1) & 0xffff
    return messageId
  }

  /** This one, or what took its place. */
  get current(): PeerState {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let state: PeerState = this
    while (state.movedTo !== undefined) state = state.movedTo
    return state
  }

  /** Whether something of ours waits for this peer, so that it must not be forgotten. */
  get wanted(): boolean {
    return (
      this.transmission !== undefined ||
      this.requests !== undefined ||
      (this.relations !== undefined && this.relations.size > 0)
    )
  }
}

/** All peers; those that nobody pinned ("strangers") are bounded and expire. */
export class PeerTable {
  private readonly states = new Map<string, PeerState>()
  private quietest: PeerState | undefined = undefined
  private loudest: PeerState | undefined = undefined
  private strangers = 0

  /**
   * @param maxStrangers the longest silent go when there are more
   * @param onForgotten told of each that went
   */
  constructor(
    private readonly maxStrangers: number,
    private readonly onForgotten: (state: PeerState) => void,
  ) {}

  get size(): number {
    return this.states.size
  }

  get hasStrangers(): boolean {
    return this.strangers > 0
  }

  find(peer: Peer): PeerState | undefined {
    return this.states.get(peer.id)
  }

  /** Finds or makes. */
  open(peer: Peer, now: number): PeerState {
    const known = this.states.get(peer.id)
    if (known !== undefined) {
      known.peer = peer
      return known
    }
    const state = new PeerState(peer)
    state.heardAt = now
    this.states.set(peer.id, state)
    this.list(state)
    if (this.strangers > this.maxStrangers) this.makeRoom()
    return state
  }

  heard(state: PeerState, now: number): void {
    state.heardAt = now
    if (state.listed && state !== this.loudest) {
      this.unlist(state)
      this.list(state)
    }
  }

  pin(state: PeerState, pinned: boolean): void {
    state.pinned = pinned
    if (pinned && state.listed) this.unlist(state)
    else if (!pinned && !state.listed && this.states.get(state.peer.id) === state) this.list(state)
  }

  /** Removes without telling. */
  remove(state: PeerState): void {
    if (this.states.get(state.peer.id) === state) this.states.delete(state.peer.id)
    if (state.listed) this.unlist(state)
  }

  /** Forgets the strangers that were silent for `lifetime` milliseconds and owe us nothing. */
  expire(now: number, lifetime: number): void {
    let state = this.quietest
    while (state !== undefined && now - state.heardAt >= lifetime) {
      const next: PeerState | undefined = state.louder
      if (!state.wanted && state.service?.inUse !== true) this.forget(state)
      state = next
    }
  }

  /** Every state there is. */
  all(): IterableIterator<PeerState> {
    return this.states.values()
  }

  private forget(state: PeerState): void {
    this.remove(state)
    this.onForgotten(state)
  }

  private makeRoom(): void {
    // Those we wait for stay, unless all are such: what we started is bounded by ourselves.
    for (let tries = 0; tries < 8 && this.quietest !== undefined; tries++) {
      const state = this.quietest
      if (!state.wanted) {
        this.forget(state)
        return
      }
      this.unlist(state)
      this.list(state)
    }
  }

  private list(state: PeerState): void {
    state.listed = true
    state.quieter = this.loudest
    state.louder = undefined
    if (this.loudest === undefined) this.quietest = state
    else this.loudest.louder = state
    this.loudest = state
    this.strangers++
  }

  private unlist(state: PeerState): void {
    const { quieter, louder } = state
    if (quieter === undefined) this.quietest = louder
    else quieter.louder = louder
    if (louder === undefined) this.loudest = quieter
    else louder.quieter = quieter
    state.quieter = state.louder = undefined
    state.listed = false
    this.strangers--
  }
}
