import { systemClock, type Clock } from '../base/clock'
import { Timer } from '../base/scheduler'
import { PeerGone, type BoundAddress, type Peer, type Transport } from '../transport/transport'
import { Core, describe, type CoapWarning } from './core'
import { CoapCancelled } from './errors'
import { MessageLayer } from './messages/messages'
import { moveState } from './migration'
import type { PeerState } from './peers'
import { Relation } from './observe/relation'
import { Requester, tokenKeyOf } from './exchanges/requester'
import { Responder } from './exchanges/responder'
import { resolveSettings } from './settings'
import type { CoapStats } from './stats'
import type {
  CoapEndpointOptions,
  CoapRequestInit,
  CoapResponse,
  CoapTrace,
  ObserveListener,
  ObserveRelation,
  RequestHandler,
  TransmissionOptions,
} from './types'

export type { CoapWarning }

/**
 * A CoAP endpoint (RFC 7252, 7641, 7959, 8132): both roles over one transport. Set the `on…` members
 * before {@link start}.
 */
export class CoapEndpoint {
  /** After any valid message of the peer was dealt with: request, response, ACK, RST, notification. */
  onActivity: (peer: Peer) => void = () => {}
  /**
   * A response or notification came under a token that this peer has no request or relation with.
   * `holders` are the peers that have a relation with it. Answers the peer that it is to be taken as
   * from (after {@link migrate}, this one), or `undefined`: then it is rejected (RFC 7641 §3.6).
   */
  onUnknownToken: (peer: Peer, holders: readonly Peer[]) => Peer | undefined = () => undefined
  /**
   * The transport lost the peer. What waited for it has been rejected with PeerGone; of a pinned one
   * it waits on, for {@link migrate} to say who took its place, or {@link abort} that nobody will.
   */
  onPeerGone: (peer: Peer, reason: string) => void = () => {}

  private readonly core: Core
  private readonly messages: MessageLayer
  private readonly requester: Requester
  private readonly responder: Responder
  private readonly housekeeping: Housekeeping
  private starting: Promise<BoundAddress> | undefined = undefined

  /** @throws RangeError for an option that cannot work */
  constructor(
    readonly transport: Transport,
    options: CoapEndpointOptions & { readonly clock?: Clock } = {},
  ) {
    const core = new Core(
      transport,
      options.clock ?? systemClock,
      resolveSettings(options),
      (state) => this.forget(state, silentForTooLong, 'gone'),
    )
    this.core = core
    this.requester = new Requester(core)
    this.responder = new Responder(core)
    this.housekeeping = new Housekeeping(core)
    const { responder, housekeeping } = this
    this.messages = new MessageLayer(core, {
      onRequest: (state, message, fields, recent) => {
        responder.onRequest(state, message, fields, recent)
      },
      onUnknownToken: (peer, holders) => {
        try {
          return this.onUnknownToken(peer, holders)
        } catch (error) {
          core.warn('listener-failed', `onUnknownToken: ${describe(error)}`, peer)
          return undefined
        }
      },
      onNonReset: (state, messageId) => responder.onNonReset(state, messageId),
      onActivity: (peer) => {
        if (!housekeeping.isScheduled) housekeeping.arm()
        try {
          this.onActivity(peer)
        } catch (error) {
          core.warn('listener-failed', `onActivity: ${describe(error)}`, peer)
        }
      },
    })
  }

  /** Answers requests; 4.04 to all of them by default. */
  get onRequest(): RequestHandler {
    return this.responder.handler
  }

  set onRequest(handler: RequestHandler) {
    this.responder.handler = handler
  }

  /** Something worth an operator's notice; at most fifty a second. */
  get onWarning(): (warning: CoapWarning) => void {
    return this.core.onWarning
  }

  set onWarning(listener: (warning: CoapWarning) => void) {
    this.core.onWarning = listener
  }

  /** Every message that crosses the wire; undefined costs nothing. */
  get onTrace(): ((trace: CoapTrace) => void) | undefined {
    return this.core.onTrace
  }

  set onTrace(listener: ((trace: CoapTrace) => void) | undefined) {
    this.core.onTrace = listener
  }

  get stats(): CoapStats {
    return this.core.stats
  }

  /** Binds the transport. @throws BindError */
  start(): Promise<BoundAddress> {
    this.starting ??= this.bind().catch((error: unknown) => {
      this.starting = undefined
      throw error
    })
    return this.starting
  }

  /**
   * Rejects everything that is pending with CoapCancelled, ends all relations (`stopped`) and frees
   * the port. Idempotent; the endpoint can be started again.
   */
  async stop(): Promise<void> {
    this.core.stopped = true
    const { core } = this
    for (const state of [...core.peers.all()]) {
      core.peers.remove(state)
      this.forget(state, () => new CoapCancelled('the endpoint was stopped'), 'stopped')
    }
    core.scheduler.clear()
    this.starting = undefined
    await this.transport.stop()
  }

  /**
   * Sends a request and resolves with its response, both whole however many blocks they take.
   * Requests to one peer go out in order, NSTART at a time.
   * @throws CoapTimeout, CoapResponseTimeout, CoapReset, CoapCancelled, CoapQueueFull,
   *   BlockwiseError, CoapFormatError, PeerGone; RangeError for a request that cannot be written
   */
  request(peer: Peer, init: CoapRequestInit): Promise<CoapResponse> {
    if (this.core.stopped) return Promise.reject(stopped())
    return this.requester.request(this.open(peer), init)
  }

  /**
   * Observes by GET or FETCH (RFC 7641 §3.1, RFC 8132 §2.4). The relation is inactive when the peer
   * answered without an Observe option or with an error; see its `first`.
   * @throws the errors of {@link request}
   */
  async observe(
    peer: Peer,
    init: CoapRequestInit,
    listener: ObserveListener,
  ): Promise<ObserveRelation> {
    if (this.core.stopped) throw stopped()
    const token = init.token === undefined ? this.core.tokens.fresh() : tokenKeyOf(init.token)
    return this.relation(peer, init, token, listener).register()
  }

  /**
   * Takes up a relation that was made before a restart: its notifications are accepted from now on.
   * @param init the request that made it, for its cancellation
   * @throws RangeError when `token` is none
   */
  adopt(
    peer: Peer,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation {
    const relation = this.relation(peer, init, tokenKeyOf(token), listener)
    relation.attach()
    return relation
  }

  /**
   * The device behind `from` is now behind `to`: its pending requests, relations, observations,
   * unfinished bodies and remembered messages follow it.
   */
  migrate(from: Peer, to: Peer): void {
    const source = this.core.peers.find(from)
    if (source === undefined || from.id === to.id) return
    const target = this.open(to)
    this.core.peers.remove(source)
    moveState(this.core, source, target)
  }

  /**
   * Rejects the pending requests of a peer with CoapCancelled and ends its relations (`gone`): what
   * a new registration calls for.
   */
  abort(peer: Peer, reason: string): void {
    const state = this.core.peers.find(peer)
    if (state === undefined) return
    // Mostly there are none, and an error with its stack costs more than all the rest of this.
    if (state.requests !== undefined) this.requester.cancelAll(state, new CoapCancelled(reason))
    for (const relation of [...(state.relations ?? [])]) relation.end('gone')
  }

  /** A pinned peer is no stranger: it is kept however silent it is. */
  pin(peer: Peer, pinned: boolean): void {
    if (!this.housekeeping.isScheduled) this.housekeeping.arm()
    const state = pinned ? this.open(peer) : this.core.peers.find(peer)
    if (state !== undefined) this.core.peers.pin(state, pinned)
    this.transport.pin(peer, pinned)
  }

  /**
   * Resolves when the peer answers an empty message (RFC 7252 §4.3).
   * @throws CoapTimeout, CoapCancelled, PeerGone
   */
  ping(peer: Peer, timing?: TransmissionOptions): Promise<void> {
    if (this.core.stopped) return Promise.reject(stopped())
    return this.requester.ping(this.open(peer), timing)
  }

  private async bind(): Promise<BoundAddress> {
    const { transport, core } = this
    transport.onMessage = this.receive
    transport.onPeerGone = (peer, reason) => this.lose(peer, reason)
    transport.onWarning = (message, peer) => core.warn('transport', message, peer)
    const address = await transport.start()
    core.stopped = false
    return address
  }

  private readonly receive = (peer: Peer, datagram: Buffer): void => {
    try {
      this.messages.receive(peer, datagram)
    } catch (error) {
      // Nothing from the network may get past here; that it could at all is a defect.
      this.core.warn('internal', `processing a message failed: ${describe(error)}`, peer, datagram)
    }
  }

  private lose(peer: Peer, reason: string): void {
    const state = this.core.peers.find(peer)
    if (state !== undefined && !state.pinned) {
      this.core.peers.remove(state)
      this.forget(state, () => new PeerGone(peer, `${peer.id} is gone: ${reason}`), 'gone')
    }
    try {
      this.onPeerGone(peer, reason)
    } catch (error) {
      this.core.warn('listener-failed', `onPeerGone: ${describe(error)}`, peer)
    }
  }

  /**
   * Ends what is under way with a peer. A flood of strangers makes many of them be forgotten, nearly
   * all without anything of that kind: no error is made for those.
   */
  private forget(state: PeerState, why: () => Error, reason: 'gone' | 'stopped'): void {
    if (state.wanted || state.service !== undefined) {
      const error = why()
      this.requester.cancelAll(state, error)
      for (const relation of [...(state.relations ?? [])]) relation.end(reason)
      this.responder.drop(state, error)
      while (state.transmission !== undefined) state.transmission.abandon(error)
    }
    this.core.duplicates.forget(state)
  }

  private relation(
    peer: Peer,
    init: CoapRequestInit,
    token: string,
    listener: ObserveListener,
  ): Relation {
    return new Relation(this.core, this.requester, this.open(peer), token, init, listener)
  }

  private open(peer: Peer): PeerState {
    if (!this.housekeeping.isScheduled) this.housekeeping.arm()
    return this.core.peers.open(peer, this.core.clock.monotonic())
  }
}

function silentForTooLong(): CoapCancelled {
  return new CoapCancelled('the peer was silent for too long')
}

function stopped(): CoapCancelled {
  return new CoapCancelled('the endpoint is stopped')
}

/** Milliseconds between two looks for what is too old. */
const HOUSEKEEPING = 10_000

/** Drops expired memories and silent strangers; rests when there are none. */
class Housekeeping extends Timer {
  constructor(private readonly core: Core) {
    super()
  }

  arm(): void {
    const { scheduler, settings } = this.core
    scheduler.schedule(this, Math.min(HOUSEKEEPING, settings.exchangeLifetime / 4))
  }

  onTimer(): void {
    const { duplicates, peers, clock, settings } = this.core
    const now = clock.monotonic()
    duplicates.expire(now)
    peers.expire(now, settings.exchangeLifetime)
    if (duplicates.size > 0 || peers.hasStrangers) this.arm()
  }
}
