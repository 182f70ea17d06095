import type { Peer } from '../transport/transport'

/**
 * What a CoapEndpoint knows of one peer. There may be a hundred thousand of them, nearly all idle.
 * Each layer keeps its state of a peer in a separate field, which is opaque to the others and set
 * when it is needed.
 */
export class PeerState {
  /** Monotonic time in milliseconds of its last message. */
  heardAt = 0
  pinned = false
  /** The neighbours among the unpinned peers, ordered by their last message, oldest first. */
  quieter: PeerState | undefined = undefined
  louder: PeerState | undefined = undefined
  listed = false
  /** The state that replaced it when the peer moved; slow handlers still refer to this one. */
  movedTo: PeerState | undefined = undefined
  /**
   * The largest block size that it accepts, as an exponent (SZX), if it has asked for a smaller
   * one.
   */
  smallestSzx = 6

  /** State of the message layer. */
  messages: unknown = undefined
  /** Client role: messages to it that wait for their response. */
  exchanges: unknown = undefined
  /** Client role: requests to it, including queued ones. */
  requests: unknown = undefined
  /** Client role: the observations on it. */
  relations: unknown = undefined
  /** Server role: request bodies that it sends block by block. */
  uploads: unknown = undefined
  /** Server role: response bodies that it fetches block by block. */
  downloads: unknown = undefined
  /** Server role: the observations that it has made. */
  observations: unknown = undefined

  constructor(public peer: Peer) {}

  /** This state, or the one that replaced it. */
  get current(): PeerState {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let state: PeerState = this
    while (state.movedTo !== undefined) state = state.movedTo
    return state
  }
}

/** Why a layer still needs a peer; higher values keep it longer. */
export const Hold = {
  NONE: 0,
  /** It has state here that it relies on: it does not expire. */
  SERVED: 1,
  /** A message of it is awaited: it is not evicted either. */
  AWAITED: 2,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]

/** Why a peer is dropped. */
export type DropReason = 'gone' | 'stopped'

/** A layer that keeps state of peers. */
export interface PeerFollower {
  holds(state: PeerState): Hold
  /** The device moved from peer `from` to peer `to`: moves its state. */
  move(from: PeerState, to: PeerState): void
  /**
   * The peer is dropped: ends its exchanges and drops its state.
   * @param why creates the error for pending requests; mostly there are none
   */
  drop(state: PeerState, why: () => Error, reason: DropReason): void
}

/** All peers; the unpinned ones are limited in number and expire. */
export class PeerTable {
  private readonly states = new Map<string, PeerState>()
  private readonly followers: PeerFollower[] = []
  private quietest: PeerState | undefined = undefined
  private loudest: PeerState | undefined = undefined
  private unpinned = 0

  /**
   * @param maxUnpinned limit beyond which the longest idle peers are evicted
   * @param whySilent creates the error for pending requests of an evicted peer
   */
  constructor(
    private readonly maxUnpinned: number,
    private readonly whySilent: () => Error,
  ) {}

  get size(): number {
    return this.states.size
  }

  get hasUnpinned(): boolean {
    return this.unpinned > 0
  }

  /** Calls `follower` from now on when peers move or are dropped. */
  follow(follower: PeerFollower): void {
    this.followers.push(follower)
  }

  find(peer: Peer): PeerState | undefined {
    return this.states.get(peer.id)
  }

  /** Finds or creates the state of a peer. */
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
    if (this.unpinned > this.maxUnpinned) this.makeRoomFor(state)
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

  /** Moves the state of `from` to `to`; `from` is forgotten. */
  move(from: PeerState, to: PeerState): void {
    this.remove(from)
    from.movedTo = to
    to.movedTo = undefined
    to.smallestSzx = Math.min(to.smallestSzx, from.smallestSzx)
    for (const follower of this.followers) follower.move(from, to)
  }

  /** Drops a peer and ends its pending requests. */
  drop(state: PeerState, why: () => Error, reason: DropReason): void {
    this.remove(state)
    for (const follower of this.followers) follower.drop(state, why, reason)
  }

  /**
   * Drops the unpinned peers that were idle for `lifetime` milliseconds and that no layer needs.
   */
  expire(now: number, lifetime: number): void {
    let state = this.quietest
    while (state !== undefined && now - state.heardAt >= lifetime) {
      const next: PeerState | undefined = state.louder
      if (this.hold(state) === Hold.NONE) this.drop(state, this.whySilent, 'gone')
      state = next
    }
  }

  /** The states of all peers. */
  all(): IterableIterator<PeerState> {
    return this.states.values()
  }

  private hold(state: PeerState): Hold {
    let hold: Hold = Hold.NONE
    for (const follower of this.followers) {
      const one = follower.holds(state)
      if (one > hold) hold = one
    }
    return hold
  }

  private makeRoomFor(newcomer: PeerState): void {
    // Awaited peers stay, unless all are awaited: their number is limited by our own requests.
    for (let tries = 0; tries < 8; tries++) {
      const state = this.quietest
      if (state === undefined || state === newcomer) return
      if (this.hold(state) !== Hold.AWAITED) {
        this.drop(state, this.whySilent, 'gone')
        return
      }
      this.unlist(state)
      this.list(state)
    }
  }

  private remove(state: PeerState): void {
    if (this.states.get(state.peer.id) === state) this.states.delete(state.peer.id)
    if (state.listed) this.unlist(state)
  }

  private list(state: PeerState): void {
    state.listed = true
    state.quieter = this.loudest
    state.louder = undefined
    if (this.loudest === undefined) this.quietest = state
    else this.loudest.louder = state
    this.loudest = state
    this.unpinned++
  }

  private unlist(state: PeerState): void {
    const { quieter, louder } = state
    if (quieter === undefined) this.quietest = louder
    else quieter.louder = louder
    if (louder === undefined) this.loudest = quieter
    else louder.quieter = quieter
    state.quieter = state.louder = undefined
    state.listed = false
    this.unpinned--
  }
}
