import type { Scheduler } from '../../base/scheduler'
import type { ResponseBlocks } from '../blockwise/response-blocks'
import { downloadKey } from '../blockwise/transfer-key'
import { CoapCancelled } from '../errors'
import type { IncomingRequest, ObservationKeeper } from '../exchanges/incoming-request'
import type { MessageLayer } from '../message-layer'
import { Hold, type PeerFollower, type PeerState } from '../peers'
import type { Warnings } from '../warnings'
import { Observation, type ObservationHost } from './observation'

/** Observations per peer; the oldest is dropped. */
const MOST_OBSERVATIONS = 4096
const MOST_OF_UNPINNED = 64

/** By token, one character per byte. */
type PeerObservations = Map<string, Observation>

/** The observations that all peers have made here. */
export class Observations implements ObservationKeeper, ObservationHost, PeerFollower {
  constructor(
    readonly layer: MessageLayer,
    readonly blocks: ResponseBlocks,
    readonly scheduler: Scheduler,
    readonly warnings: Warnings,
  ) {}

  /** Creates an observation; an earlier one with the same token is replaced (RFC 7641 §4.1). */
  accept(request: IncomingRequest): Observation {
    const { state, message, payload } = request
    const key = message.token
    const former = observationsOf(state)?.get(key)
    former?.finish('replaced', new CoapCancelled('replaced by a newer observation'))
    const observed = {
      transferKey: downloadKey(message.code, message.options),
      requestPayload: payload,
      block: message.block2,
    }
    const observation = new Observation(this, state, key, observed, former?.lastNumber ?? 0)
    const observations = observationsOf(state) ?? new Map<string, Observation>()
    observations.set(key, observation)
    state.observations = observations
    const [oldest] = observations.values()
    const most = state.pinned ? MOST_OBSERVATIONS : MOST_OF_UNPINNED
    if (oldest !== undefined && observations.size > most) {
      oldest.finish('replaced', new CoapCancelled('too many observations of one peer'))
    }
    return observation
  }

  cancel(request: IncomingRequest): boolean {
    const observation = observationsOf(request.state)?.get(request.message.token)
    observation?.finish('cancelled', new CoapCancelled('cancelled by the observer'))
    return observation !== undefined
  }

  remove(observation: Observation): void {
    const { state, key } = observation
    const observations = observationsOf(state)
    if (observations?.get(key) !== observation) return
    observations.delete(key)
    if (observations.size === 0) state.observations = undefined
  }

  /** The observations of a peer. */
  of(state: PeerState): Iterable<Observation> {
    return observationsOf(state)?.values() ?? []
  }

  holds(state: PeerState): Hold {
    return state.observations === undefined ? Hold.NONE : Hold.SERVED
  }

  move(from: PeerState, to: PeerState): void {
    const source = observationsOf(from)
    if (source === undefined) return
    const target = observationsOf(to) ?? new Map<string, Observation>()
    for (const [key, observation] of source) {
      observation.state = to
      if (!target.has(key)) target.set(key, observation)
    }
    to.observations = target
    from.observations = undefined
  }

  drop(state: PeerState, why: () => Error): void {
    const observations = observationsOf(state)
    if (observations === undefined) return
    const error = why()
    for (const observation of [...observations.values()]) observation.finish('gone', error)
  }
}

function observationsOf(state: PeerState): PeerObservations | undefined {
  return state.observations as PeerObservations | undefined
}
