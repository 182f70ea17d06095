import { systemClock, type Clock } from '../base/clock'
import { describeError } from '../base/guard'
import { Scheduler, Timer } from '../base/scheduler'
import { PeerGone, type BoundAddress, type Peer, type Transport } from '../transport/transport'
import { BodyBudget } from './blockwise/body-budget'
import { Downloads } from './blockwise/downloads'
import { ResponseBlocks } from './blockwise/response-blocks'
import { Uploads } from './blockwise/uploads'
import { CoapCancelled } from './errors'
import { Exchanges } from './exchanges/exchange'
import { Requester } from './exchanges/requester'
import { Responder } from './exchanges/responder'
import { tokenOf, Tokens } from './exchanges/tokens'
import { badOption } from './message'
import type {
  ArrivedRequest,
  MessageLayer,
  MessageLayerParts,
  MessageUser,
  ResponseReceiver,
} from './message-layer'
import { Observations } from './observe/observations'
import type { Relation } from './observe/relation'
import { Relations } from './observe/relations'
import { PeerTable, type PeerState } from './peers'
import { resolveSettings, type Settings } from './settings'
import { type CoapStats, newStats } from './stats'
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
import { UdpMessages } from './udp/udp-messages'
import { type CoapWarning, Warnings } from './warnings'

export type { CoapWarning }

/**
 * A CoAP endpoint (RFC 7252, 7641, 7959, 8132): both roles over one transport. Set the `on…` members
 * before {@link start}.
 *
 * @example
 * ```js
 * import { Code, CoapEndpoint, UdpTransport } from '@lwm2m-flows/node-red-lwm2m/coap'
 *
 * const local = { host: '127.0.0.1', port: 0 }
 * const server = new CoapEndpoint(new UdpTransport(local))
 * server.onRequest = ({ path }) => ({ code: Code.CONTENT, payload: Buffer.from(path.join('/')) })
 * const { port } = await server.start()
 *
 * const client = new CoapEndpoint(new UdpTransport(local))
 * await client.start()
 * const peer = await client.transport.connect('127.0.0.1', port)
 * const { code, payload } = await client.request(peer, { code: Code.GET, path: ['hello'] })
 * console.log(code, payload.toString())
 * await client.stop()
 * await server.stop()
 * ```
 */
export class CoapEndpoint {
  /**
   * Called after a valid message of the peer was processed: request, response, ACK, RST,
   * notification.
   */
  onActivity: (peer: Peer) => void = () => {}
  /**
   * Called when a response or notification has a token for which this peer has no request or
   * observation. `holders` are the peers that have an observation with it. Return the peer that it
   * is to be processed for (after {@link migrate}, this one), or `undefined` to reject it (RFC 7641
   * §3.6).
   */
  onUnknownToken: (peer: Peer, holders: readonly Peer[]) => Peer | undefined = () => undefined
  /**
   * The transport lost the peer. Its pending requests were rejected with PeerGone; those of a
   * pinned peer stay pending until {@link migrate} names its successor or {@link abort} ends them.
   */
  onPeerGone: (peer: Peer, reason: string) => void = () => {}

  readonly stats: CoapStats
  private readonly warnings: Warnings
  private readonly scheduler: Scheduler
  private readonly peers: PeerTable
  private readonly layer: MessageLayer
  private readonly tokens = new Tokens()
  private readonly exchanges: Exchanges
  private readonly requester: Requester
  private readonly relations: Relations
  private readonly responder: Responder
  private readonly housekeeping: Housekeeping
  private starting: Promise<BoundAddress> | undefined = undefined
  private stopped = false

  /** @throws RangeError for an invalid option */
  constructor(transport: Transport, options?: CoapEndpointOptions & { readonly clock?: Clock })
  /**
   * @param makeLayer creates the message layer; the default is the message layer over UDP
   * @internal
   */
  constructor(
    transport: Transport,
    options: CoapEndpointOptions & { readonly clock?: Clock },
    makeLayer: (parts: MessageLayerParts) => MessageLayer,
  )
  /** @internal */
  constructor(
    readonly transport: Transport,
    options: CoapEndpointOptions & { readonly clock?: Clock } = {},
    makeLayer: (parts: MessageLayerParts) => MessageLayer = (parts) => new UdpMessages(parts),
  ) {
    const { clock = systemClock } = options
    const settings = resolveSettings(options)
    const peers = new PeerTable(settings.maxUnregisteredPeers, silentForTooLong)
    const stats = newStats(peers)
    const warnings = new Warnings(clock, stats)
    const scheduler = new Scheduler(clock, (error, where) =>
      warnings.warn('internal', `${where}: ${describeError(error)}`),
    )
    const user: MessageUser = {
      onRequest: (request) => this.onArrived(request),
      receiverOf: (peer, state, token) => this.receiverOf(peer, state, token),
      badOption,
      onActivity: (peer) => this.heard(peer),
    }
    const layer = makeLayer({ transport, peers, scheduler, settings, stats, warnings, user })
    const exchanges = new Exchanges(layer, scheduler, settings, stats)
    const incoming = new BodyBudget(settings.maxBodies)
    const uploads = new Uploads(scheduler, settings, incoming)
    const downloads = new Downloads(scheduler, settings, new BodyBudget(settings.maxBodies))
    const blocks = new ResponseBlocks(layer, downloads, settings)
    const observations = new Observations(layer, blocks, scheduler, warnings)
    this.requester = new Requester(layer, exchanges, this.tokens, settings, warnings, incoming)
    this.relations = new Relations(this.requester, scheduler, stats, warnings)
    this.responder = new Responder(blocks, uploads, observations, warnings, scheduler)

    this.peers = peers
    this.stats = stats
    this.warnings = warnings
    this.scheduler = scheduler
    this.layer = layer
    this.exchanges = exchanges
    this.housekeeping = new Housekeeping(layer, peers, scheduler, settings)
    // Upper layers first: they end their messages in the layer below.
    for (const follower of [
      this.requester,
      this.relations,
      observations,
      uploads,
      downloads,
      exchanges,
      layer,
    ]) {
      peers.follow(follower)
    }
  }

  /** Handles requests; answers 4.04 to all of them by default. */
  get onRequest(): RequestHandler {
    return this.responder.handler
  }

  set onRequest(handler: RequestHandler) {
    this.responder.handler = handler
  }

  /** Called with something an operator should know; at most fifty times a second. */
  get onWarning(): (warning: CoapWarning) => void {
    return this.warnings.onWarning
  }

  set onWarning(listener: (warning: CoapWarning) => void) {
    this.warnings.onWarning = listener
  }

  /** Called with every message sent or received; undefined costs nothing. */
  get onTrace(): ((trace: CoapTrace) => void) | undefined {
    return this.layer.onTrace
  }

  set onTrace(listener: ((trace: CoapTrace) => void) | undefined) {
    this.layer.onTrace = listener
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
   * Rejects everything that is pending with CoapCancelled, ends all observations (`stopped`) and
   * closes the port. Idempotent; it can be started again.
   */
  async stop(): Promise<void> {
    this.stopped = this.responder.stopped = true
    const { peers } = this
    const why = (): Error => new CoapCancelled('the CoapEndpoint was stopped')
    for (const state of [...peers.all()]) peers.drop(state, why, 'stopped')
    this.scheduler.clear()
    this.starting = undefined
    await this.transport.stop()
  }

  /**
   * Sends a request and resolves with its response, both complete, however many blocks they take.
   * Requests to one peer are sent in order, NSTART at a time.
   * @throws CoapTimeout, CoapResponseTimeout, CoapReset, CoapCancelled, CoapQueueFull,
   *   BlockwiseError, CoapFormatError, PeerGone; RangeError for a request that cannot be encoded
   */
  request(peer: Peer, init: CoapRequestInit): Promise<CoapResponse> {
    if (this.stopped) return Promise.reject(stopped())
    return this.requester.request(this.open(peer), init)
  }

  /**
   * {@link request} with callbacks: `resolve` or `reject` is called once, synchronously when the
   * last message is processed.
   * @internal
   */
  ask(
    peer: Peer,
    init: CoapRequestInit,
    resolve: (response: CoapResponse) => void,
    reject: (error: Error) => void,
  ): void {
    if (this.stopped) reject(stopped())
    else this.requester.start(this.open(peer), init, NO_EXTRAS, resolve, reject)
  }

  /**
   * Observes by GET or FETCH (RFC 7641 §3.1, RFC 8132 §2.4). The observation is inactive if the
   * peer answered without an Observe option or with an error; see its `first`.
   * @throws the errors of {@link request}
   */
  async observe(
    peer: Peer,
    init: CoapRequestInit,
    listener: ObserveListener,
  ): Promise<ObserveRelation> {
    if (this.stopped) throw stopped()
    const token = init.token === undefined ? this.tokens.fresh() : tokenOf(init.token)
    return this.relations.make(this.open(peer), init, token, listener).register()
  }

  /**
   * Restores an observation that was made before a restart: its notifications are accepted from now
   * on.
   * @param init the request that made it, for its cancellation
   * @throws RangeError if `token` is invalid
   */
  adopt(
    peer: Peer,
    init: CoapRequestInit,
    token: Uint8Array,
    listener: ObserveListener,
  ): ObserveRelation {
    const relation: Relation = this.relations.make(this.open(peer), init, tokenOf(token), listener)
    relation.attach()
    return relation
  }

  /**
   * Moves the pending requests, observations in both directions, unfinished bodies and remembered
   * messages of a device from peer `from` to peer `to`.
   */
  migrate(from: Peer, to: Peer): void {
    const source = this.peers.find(from)
    if (source === undefined || from.id === to.id) return
    this.peers.move(source, this.open(to))
  }

  /**
   * Rejects the pending requests of a peer with CoapCancelled and ends its observations (`gone`),
   * as required when a device registers again.
   */
  abort(peer: Peer, reason: string): void {
    const state = this.peers.find(peer)
    if (state === undefined) return
    this.requester.cancelAll(state, () => new CoapCancelled(reason))
    this.relations.endAll(state, 'gone')
  }

  /** Sets whether a peer is registered: a pinned peer is kept however long it is idle. */
  pin(peer: Peer, pinned: boolean): void {
    if (!this.housekeeping.isScheduled) this.housekeeping.arm()
    const state = pinned ? this.open(peer) : this.peers.find(peer)
    if (state !== undefined) this.peers.pin(state, pinned)
    this.layer.pin(peer, pinned)
  }

  /**
   * Resolves when the peer answers an empty message (RFC 7252 §4.3).
   * @throws CoapTimeout, CoapCancelled, PeerGone
   */
  ping(peer: Peer, timing?: TransmissionOptions): Promise<void> {
    if (this.stopped) return Promise.reject(stopped())
    return this.requester.ping(this.open(peer), timing)
  }

  private async bind(): Promise<BoundAddress> {
    const { transport, warnings } = this
    transport.onMessage = this.receive
    transport.onPeerGone = (peer, reason) => this.lose(peer, reason)
    transport.onWarning = (message, peer) => warnings.warn('transport', message, peer)
    const address = await transport.start()
    this.stopped = this.responder.stopped = false
    return address
  }

  private readonly receive = (peer: Peer, datagram: Buffer): void => {
    try {
      this.layer.receive(peer, datagram)
    } catch (error) {
      // Errors caused by received data are handled before; an error here is a defect of this
      // package.
      const text = `processing a message failed: ${describeError(error)}`
      this.warnings.warn('internal', text, peer, datagram)
    }
  }

  private onArrived(request: ArrivedRequest): void {
    this.responder.onRequest(request)
  }

  /** A request of ours has precedence over an observation with the same token. */
  private find(state: PeerState, token: string): ResponseReceiver | undefined {
    return this.exchanges.find(state, token) ?? this.relations.find(state, token)
  }

  private receiverOf(
    peer: Peer,
    state: PeerState | undefined,
    token: string,
  ): ResponseReceiver | undefined {
    const known = state && this.find(state, token)
    if (known !== undefined) return known
    try {
      const origin = this.onUnknownToken(peer, this.relations.holdersOf(token))
      const moved = origin && this.peers.find(origin)
      return moved && this.find(moved, token)
    } catch (error) {
      this.warnings.warn('listener-failed', `onUnknownToken: ${describeError(error)}`, peer)
      return undefined
    }
  }

  private heard(peer: Peer): void {
    if (!this.housekeeping.isScheduled) this.housekeeping.arm()
    try {
      this.onActivity(peer)
    } catch (error) {
      this.warnings.warn('listener-failed', `onActivity: ${describeError(error)}`, peer)
    }
  }

  private lose(peer: Peer, reason: string): void {
    const state = this.peers.find(peer)
    if (state !== undefined && !state.pinned) {
      this.peers.drop(state, () => new PeerGone(peer, `${peer.id} is gone: ${reason}`), 'gone')
    }
    try {
      this.onPeerGone(peer, reason)
    } catch (error) {
      this.warnings.warn('listener-failed', `onPeerGone: ${describeError(error)}`, peer)
    }
  }

  private open(peer: Peer): PeerState {
    if (!this.housekeeping.isScheduled) this.housekeeping.arm()
    return this.peers.open(peer, this.scheduler.monotonic())
  }
}

const NO_EXTRAS = Object.freeze({})

function silentForTooLong(): CoapCancelled {
  return new CoapCancelled('the peer was silent for too long')
}

function stopped(): CoapCancelled {
  return new CoapCancelled('the CoapEndpoint is stopped')
}

/** Milliseconds between two checks for expired state. */
const HOUSEKEEPING = 10_000

/** Drops expired messages and idle peers; stops when there are none. */
class Housekeeping extends Timer {
  constructor(
    private readonly layer: MessageLayer,
    private readonly peers: PeerTable,
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
  ) {
    super()
  }

  arm(): void {
    this.scheduler.schedule(this, Math.min(HOUSEKEEPING, this.settings.exchangeLifetime / 4))
  }

  onTimer(): void {
    const { layer, peers, scheduler, settings } = this
    const now = scheduler.monotonic()
    const remembers = layer.expire(now)
    peers.expire(now, settings.exchangeLifetime)
    if (remembers || peers.hasUnpinned) this.arm()
  }
}
