import type { Peer } from '../transport/transport'

/**
 * What a CoapEndpoint knows of one peer. There may be a hundred thousand of them, nearly all idle. What
 * a layer keeps of a peer is in a slot of its own, which is opaque to the others and made when it is
 * needed.
 */
export class PeerState {
  /** Monotonic milliseconds of its last message. */
  heardAt = 0
  pinned = false
  /** The neighbours among the unpinned peers, from the longest silent on. */
  quieter: PeerState | undefined = undefined
  louder: PeerState | undefined = undefined
  listed = false
  /** What took its place when it moved; slow handlers still hold this one. */
  movedTo: PeerState | undefined = undefined
  /** The largest block it takes, as an exponent (SZX), once it said so. */
  smallestSzx = 6

  /** Of the message layer. */
  messages: unknown = undefined
  /** Of the asking role: messages to it that wait for their response. */
  exchanges: unknown = undefined
  /** Of the asking role: requests to it, with those that wait for their turn. */
  requests: unknown = undefined
  /** Of the asking role: what it is observed for. */
  relations: unknown = undefined
  /** Of the answering role: request bodies that it sends block by block. */
  uploads: unknown = undefined
  /** Of the answering role: response bodies that it fetches block by block. */
  downloads: unknown = undefined
  /** Of the answering role: what it observes. */
  observations: unknown = undefined

  constructor(public peer: Peer) {}

  /** This one, or what took its place. */
  get current(): PeerState {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let state: PeerState = this
    while (state.movedTo !== undefined) state = state.movedTo
    return state
  }
}

/** Why a layer still needs to know a peer; the higher the longer. */
export const Hold = {
  NONE: 0,
  /** The peer counts on something here: it is not forgotten for its silence. */
  SERVED: 1,
  /** We wait for something of it: it is not forgotten to make room either. */
  AWAITED: 2,
} as const
export type Hold = (typeof Hold)[keyof typeof Hold]

/** Why a peer is dropped. */
export type DropReason = 'gone' | 'stopped'

/** A layer that keeps something of peers, and follows them. */
export interface PeerFollower {
  holds(state: PeerState): Hold
  /** The device behind `from` is now behind `to`: what is kept of it goes along. */
  move(from: PeerState, to: PeerState): void
  /**
   * The peer is forgotten: ends and drops all that is kept of it.
   * @param why makes the error for what was under way; mostly there is nothing
   */
  drop(state: PeerState, why: () => Error, reason: DropReason): void
}

/** All peers; those that nobody pinned are bounded and expire. */
export class PeerTable {
  private readonly states = new Map<string, PeerState>()
  private readonly followers: PeerFollower[] = []
  private quietest: PeerState | undefined = undefined
  private loudest: PeerState | undefined = undefined
  private unpinned = 0

  /**
   * @param maxUnpinned the longest silent go when there are more
   * @param whySilent makes the error for what is under way with one that goes
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

  /** From now on `follower` is told of what becomes of peers. */
  follow(follower: PeerFollower): void {
    this.followers.push(follower)
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

  /** What is kept of `from` follows the device to `to`; `from` is forgotten. */
  move(from: PeerState, to: PeerState): void {
    this.remove(from)
    from.movedTo = to
    to.movedTo = undefined
    to.smallestSzx = Math.min(to.smallestSzx, from.smallestSzx)
    for (const follower of this.followers) follower.move(from, to)
  }

  /** Forgets a peer, with all that is under way. */
  drop(state: PeerState, why: () => Error, reason: DropReason): void {
    this.remove(state)
    for (const follower of this.followers) follower.drop(state, why, reason)
  }

  /** Forgets the unpinned that were silent for `lifetime` milliseconds and that nothing is kept of. */
  expire(now: number, lifetime: number): void {
    let state = this.quietest
    while (state !== undefined && now - state.heardAt >= lifetime) {
      const next: PeerState | undefined = state.louder
      if (this.hold(state) === Hold.NONE) this.drop(state, this.whySilent, 'gone')
      state = next
    }
  }

  /** Every state there is. */
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
    // Those we wait for stay, unless all are such: what we started is bounded by ourselves.
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
