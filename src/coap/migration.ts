import type { Core } from './core'
import type { PeerState } from './peers'
import { RequestQueue } from './exchanges/request-queue'
import { ServiceState } from './exchanges/service-state'
import { addExchange, type TokenHolder } from './messages/tokens'

/** Hands everything known of one peer to another: the same device at a new address. */
export function moveState(core: Core, from: PeerState, to: PeerState): void {
  from.movedTo = to
  to.movedTo = undefined
  if (from.requests !== undefined || from.transmission !== undefined) {
    // What is in flight keeps its Message-IDs; those of the new address go on behind them.
    to.nextMessageId = from.nextMessageId
  }
  to.smallestSzx = Math.min(to.smallestSzx, from.smallestSzx)
  core.duplicates.move(from, to)
  moveTransmissions(from, to)
  moveExchanges(from, to)
  moveRequests(core, from, to)
  moveRelations(from, to)
  moveService(from, to)
}

function moveTransmissions(from: PeerState, to: PeerState): void {
  let last = from.transmission
  if (last === undefined) return
  for (let each = from.transmission; each !== undefined; each = each.next) {
    each.state = to
    last = each
  }
  last.next = to.transmission
  to.transmission = from.transmission
  from.transmission = undefined
}

function moveExchanges(from: PeerState, to: PeerState): void {
  let holder = from.exchange
  from.exchange = undefined
  while (holder !== undefined) {
    const next: TokenHolder | undefined = holder.nextHolder
    holder.state = to
    addExchange(holder)
    holder = next
  }
}

function moveRequests(core: Core, from: PeerState, to: PeerState): void {
  const { requests } = from
  if (requests === undefined) return
  for (const operation of requests.list()) operation.move(to)
  to.requests ??= new RequestQueue(core.settings.nstart)
  to.requests.absorb(requests)
  from.requests = undefined
}

function moveRelations(from: PeerState, to: PeerState): void {
  if (from.relations === undefined) return
  to.relations ??= new Set()
  for (const relation of from.relations) {
    relation.state = to
    to.relations.add(relation)
  }
  from.relations = undefined
}

function moveService(from: PeerState, to: PeerState): void {
  const source = from.service
  if (source === undefined) return
  const target = (to.service ??= new ServiceState(to))
  // A body that the new address has under way already is the newer one.
  target.uploads ??= source.uploads
  target.downloads ??= source.downloads
  target.observations ??= new Map()
  for (const [key, observation] of source.observations ?? []) {
    observation.state = to
    if (!target.observations.has(key)) target.observations.set(key, observation)
  }
  target.tidy()
  if (source.uploads !== target.uploads) source.uploads?.clear()
  if (source.downloads !== target.downloads) source.downloads?.clear()
  from.service = undefined
}
