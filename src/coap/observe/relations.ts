import type { Scheduler } from '../../base/scheduler'
import type { Requester } from '../exchanges/requester'
import type { Peer } from '../../transport/transport'
import { type DropReason, Hold, type PeerFollower, type PeerState } from '../peers'
import type { CoapStats } from '../stats'
import type { CoapRequestInit, ObserveListener } from '../types'
import type { Warnings } from '../warnings'
import { Relation, type RelationHost } from './relation'

/**
 * The observations on all peers. One map by token for all peers, because one map each would need
 * more memory than the rest of an idle peer.
 */
export class Relations implements RelationHost, PeerFollower {
  private readonly byToken = new Map<string, Relation>()

  constructor(
    readonly requester: Requester,
    readonly scheduler: Scheduler,
    readonly stats: CoapStats,
    readonly warnings: Warnings,
  ) {}

  /** Number of tokens in use. */
  get size(): number {
    return this.byToken.size
  }

  /** Creates an observation that is not registered or attached yet. */
  make(
    state: PeerState,
    init: CoapRequestInit,
    token: string,
    listener: ObserveListener,
  ): Relation {
    return new Relation(this, state, token, init, listener)
  }

  find(state: PeerState, token: string): Relation | undefined {
    let relation = this.byToken.get(token)
    while (relation !== undefined && relation.state !== state) relation = relation.next
    return relation
  }

  /** The peers with an observation with this token: mostly one, unless a caller chose the token. */
  holdersOf(token: string): Peer[] {
    const peers: Peer[] = []
    for (let each = this.byToken.get(token); each !== undefined; each = each.next) {
      peers.push(each.state.peer)
    }
    return peers
  }

  add(relation: Relation): void {
    const { state, key } = relation
    const former = this.find(state, key)
    if (former === relation) return
    former?.detach()
    relation.next = this.byToken.get(key)
    this.byToken.set(key, relation)
    const own = relationsOf(state) ?? new Set<Relation>()
    own.add(relation)
    state.relations = own
  }

  remove(relation: Relation): void {
    const { state, key } = relation
    const head = this.byToken.get(key)
    if (head === relation) {
      if (relation.next === undefined) this.byToken.delete(key)
      else this.byToken.set(key, relation.next)
    } else {
      let before = head
      while (before !== undefined && before.next !== relation) before = before.next
      if (before !== undefined) before.next = relation.next
    }
    relation.next = undefined
    const own = relationsOf(state)
    own?.delete(relation)
    if (own?.size === 0) state.relations = undefined
  }

  /** The observations on a peer. */
  of(state: PeerState): Iterable<Relation> {
    return relationsOf(state) ?? []
  }

  /** Ends the observations on a peer. */
  endAll(state: PeerState, reason: DropReason): void {
    const own = relationsOf(state)
    if (own === undefined) return
    for (const relation of [...own]) relation.end(reason)
  }

  holds(state: PeerState): Hold {
    return state.relations === undefined ? Hold.NONE : Hold.AWAITED
  }

  move(from: PeerState, to: PeerState): void {
    const source = relationsOf(from)
    if (source === undefined) return
    const target = relationsOf(to) ?? new Set<Relation>()
    for (const relation of source) {
      relation.state = to
      target.add(relation)
    }
    to.relations = target
    from.relations = undefined
  }

  drop(state: PeerState, _why: () => Error, reason: DropReason): void {
    this.endAll(state, reason)
  }
}

function relationsOf(state: PeerState): Set<Relation> | undefined {
  return state.relations as Set<Relation> | undefined
}
