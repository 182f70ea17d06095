import type {
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../../coap/types'
import { onAbort } from '../../base/guard'
import { CoapTimeout } from '../../coap/errors'
import { PeerGone } from '../../transport/transport'
import { OperationError } from '../errors'
import type { DeviceRequest, RequestCall, RequestChannel } from '../operations/device-request'
import type { DeviceQueue } from '../registration/device-parts'
import type { DeviceRegistration } from '../registration/device-registration'
import type { OperationOptions } from '../types'
import type { ChannelParts } from './channel-parts'
import {
  type Answer,
  type ObserveCall,
  PendingRequest,
  type RequestKeeper,
  type TimeLimits,
} from './pending-request'
import { replaceableBy } from './replacement'

/** Requests that may stand in line for a device that is awake. */
const MAX_IN_LINE = 1000

/** No ACK, or no association: the device did not get the request. */
function isUndelivered(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return code === 'timeout' || code === 'peer-gone' || code === 'handshake-timeout'
}

/** How much later than the CoAP endpoint, whose errors say more, a request is given up here, ms. */
const OWN_TIMER = 100

/** Operations that do something anew each time. */
const ONCE: ReadonlySet<string> = new Set(['execute', 'create'])

/** Whether a request that the device may have carried out can be sent again. */
function isRepeatable({ request }: PendingRequest): boolean {
  return request !== undefined && !ONCE.has(request.operation)
}

/**
 * The one way to a registered device: requests go strictly one after the other, in order, and wait
 * while a queue-mode device sleeps (Core §6.5). Made when a device is first asked something.
 */
export class DeviceChannel implements RequestChannel, DeviceQueue, RequestKeeper {
  private queue: PendingRequest[] = []
  private readonly active = new Set<PendingRequest>()
  private closed: OperationError | undefined
  private reported = 0
  /** As it was counted. */
  private counted = 0
  /** A handshake that this server began is under way. */
  private reconnecting = false

  constructor(
    readonly registration: DeviceRegistration,
    private readonly parts: ChannelParts,
  ) {}

  get endpoint(): string {
    return this.registration.endpoint
  }

  /** Whether requests wait for the device itself: it sleeps, or its association is gone. */
  get waits(): boolean {
    return this.registration.state !== 'online'
  }

  /** Requests that wait, those under way not counted. */
  get queueLength(): number {
    return this.queue.length
  }

  /** Whether the device owes an answer. */
  get busy(): boolean {
    return this.active.size > 0
  }

  /** What waits, oldest first. */
  get waiting(): readonly PendingRequest[] {
    return this.queue
  }

  /**
   * Sends a request when its turn comes and answers the response, of whatever code.
   * @throws OperationError `asleep`, PeerGone (both with `ttl: 0`)
   * @throws OperationError `expired`, `queue-full`, `cancelled`
   * @throws CoapTimeout, CoapResponseTimeout, CoapReset, BlockwiseError, PeerGone
   * @throws CodedError `handshake-timeout`, `handshake-failed`: of a handshake that the server began
   */
  request(request: DeviceRequest, options: OperationOptions): Promise<CoapResponse> {
    return new Promise((onResponse, onFailure) => {
      this.enqueue({ request, onResponse, onFailure }, options)
    })
  }

  /** {@link request} without a promise. */
  submit(call: RequestCall, options: OperationOptions): void {
    this.enqueue(call, options)
  }

  /**
   * Starts an observation in the same order as requests.
   * @throws as {@link request}
   */
  observe(
    init: CoapRequestInit,
    listener: ObserveListener,
    options: OperationOptions,
  ): Promise<ObserveRelation> {
    return new Promise((onResponse, onFailure) => {
      this.enqueue({ request: undefined, init, listener, onResponse, onFailure }, options)
    })
  }

  /** Takes up a request that was queued before a restart; it waits for the device's next sign of life. */
  restore(
    id: string,
    call: RequestCall,
    options: OperationOptions,
    { queuedAt, expiresAt }: { readonly queuedAt: number; readonly expiresAt: number },
  ): void {
    const { registration } = this
    const pending = new PendingRequest(id, this, call, options, queuedAt, expiresAt, registration)
    pending.announced = true
    pending.restored = true
    this.limit(pending)
    this.queue.push(pending)
    this.pump()
  }

  /** Sends what may be sent now. */
  pump(): void {
    while (this.queue.length > 0 && this.isOpen()) {
      const next = this.queue.shift() as PendingRequest
      this.active.add(next)
      this.start(next)
    }
    if (this.queue.length > 0 && this.waits) {
      if (this.parts.routes.canReconnect(this.registration)) this.reconnect()
      else for (const pending of this.queue) this.announce(pending)
    }
    this.report()
  }

  /** Begins a handshake with the device; where it fails, so does what waits for it. */
  private reconnect(): void {
    if (this.reconnecting) return
    this.reconnecting = true
    const attempt = this.parts.routes.reconnect(this.registration).then(
      () => {
        this.reconnecting = false
        this.pump()
      },
      (error: unknown) => {
        this.reconnecting = false
        // The device may have made a handshake itself meanwhile.
        if (!this.waits) return this.pump()
        for (const pending of [...this.queue]) {
          if (!pending.announced) this.drop(pending, error)
        }
        this.report()
      },
    )
    this.parts.clock.detach('a handshake with a device', attempt)
  }

  /** Cancels a waiting request, or all. Answers how many. */
  cancel(id: string | undefined): number {
    const chosen = this.queue.filter((pending) => id === undefined || pending.id === id)
    for (const pending of chosen) {
      this.drop(pending, new OperationError('cancelled', 'the queued request was cancelled'))
    }
    this.report()
    return chosen.length
  }

  /**
   * Ends the channel: what is under way and what waits fails with `cancelled`.
   * @param keep spares the requests of a device that is waited for, those under way included, and
   *   answers them in order. What may not be done twice and was sent already is not among them.
   */
  close(reason: string, keep: boolean): PendingRequest[] {
    const error = new OperationError('cancelled', reason)
    this.closed = error
    const kept: PendingRequest[] = []
    const queued = this.parts.windows.appliesTo(this.registration)
    for (const pending of this.active) {
      if (keep && (queued || pending.announced) && isRepeatable(pending)) kept.push(pending)
      else this.finish(pending, undefined, error)
    }
    this.active.clear()
    for (const pending of this.queue) {
      const stays = keep && (queued || pending.announced) && pending.request !== undefined
      if (stays) kept.push(pending)
      else this.finish(pending, undefined, error)
    }
    this.queue = []
    this.count()
    return kept
  }

  /** Ends the channel because the server stops: what is in the store stays there. */
  suspend(): void {
    const error = new OperationError('cancelled', 'the server stops')
    this.closed = error
    for (const pending of [...this.active, ...this.queue]) {
      this.parts.clock.cancel(pending)
      // Nobody waits for a restored one: it will be restored again.
      if (!pending.restored) pending.fail(error)
    }
    this.active.clear()
    this.queue = []
    this.count()
  }

  /** Takes over what waited under an earlier registration of the same endpoint. */
  adopt(pending: readonly PendingRequest[]): void {
    for (const one of pending) {
      one.channel = this
      // One that was under way has its time to live taken up again.
      if (one.announced) this.limit(one)
      else this.parts.clock.scheduleAt(one, one.timeoutAt)
      this.queue.push(one)
    }
    this.count()
  }

  withdraw(pending: PendingRequest, error: Error): void {
    this.drop(pending, error)
    this.report()
  }

  expire(pending: PendingRequest): void {
    const { endpoint } = this
    if (this.active.delete(pending)) {
      // The CoAP endpoint has the same limit: it has not come to sending it, or a block of it.
      this.finish(pending, undefined, this.timedOut(pending))
      pending.abort?.abort()
      this.checkWindow()
      this.pump()
      return
    }
    const error = pending.announced
      ? new OperationError('expired', `${endpoint} did not come before the request expired`)
      : this.timedOut(pending)
    this.drop(pending, error)
    this.report()
  }

  /** Why a request was not answered within its timeout: what it waits behind is said. */
  private timedOut({ options, operation, path }: PendingRequest): CoapTimeout {
    const { endpoint } = this
    const [first] = this.active
    const limit = `${operation} ${path} of ${endpoint} was not answered within ${options.timeout} ms`
    if (first === undefined) return new CoapTimeout(limit)
    const since = Math.round(this.parts.clock.monotonic() - first.sentAt)
    return new CoapTimeout(
      `${limit}: it waits behind ${first.operation} ${first.path}, which ${endpoint} has not answered for ${since} ms`,
    )
  }

  private enqueue(call: RequestCall | ObserveCall, options: OperationOptions): void {
    const { parts } = this
    const { settings, clock } = parts
    const ttl = options.ttl ?? settings.ttl
    const replacing = options.replaceQueued === true && call.request !== undefined
    const index = replacing ? replaceableBy(call.request, this.queue) : -1
    const refusal = this.refusalOf(options, ttl, index >= 0)
    if (refusal !== undefined) return call.onFailure(refusal)
    const now = clock.now()
    const old = index < 0 ? undefined : this.queue[index]
    const pending = new PendingRequest(
      // Its place is its own after a restart too: what is kept is in the order of the ids.
      old?.id ?? parts.nextId(),
      this,
      call,
      options,
      now,
      now + ttl,
      this.registration,
    )
    if (options.signal !== undefined) this.follow(pending, options.signal)
    if (options.timeout !== undefined) {
      pending.timeoutAt = clock.monotonic() + options.timeout
      clock.scheduleAt(pending, pending.timeoutAt)
    }
    if (old === undefined) {
      this.queue.push(pending)
    } else {
      this.queue[index] = pending
      this.finish(old, undefined, new OperationError('cancelled', 'replaced by a later write'))
    }
    this.pump()
  }

  /** Why a request is not taken, where it is not. */
  private refusalOf(
    { signal }: OperationOptions,
    ttl: number,
    replacing: boolean,
  ): Error | undefined {
    const { parts, waits, registration } = this
    const { routes, settings } = parts
    if (this.closed !== undefined) return this.closed
    if (signal?.aborted === true) {
      return new OperationError('cancelled', 'the request was aborted')
    }
    if (waits) {
      const mayWait = ttl > 0 || routes.canReconnect(registration)
      if (!mayWait || !routes.isServed(registration)) return this.unreachable()
    }
    const { length } = this.queue
    const room = waits ? settings.maxLength : Math.max(MAX_IN_LINE, settings.maxLength)
    if (replacing || length < room) return undefined
    return new OperationError('queue-full', `${length} requests wait for ${this.endpoint}`)
  }

  private follow(pending: PendingRequest, signal: AbortSignal): void {
    const aborted = this.parts.clock.entry('aborting a request', () => {
      // One under way is aborted by the CoAP endpoint, which has the signal too.
      const why = new OperationError('cancelled', 'the request was aborted')
      pending.channel.withdraw(pending, why)
    })
    pending.forgetSignal = onAbort(signal, aborted)
  }

  private isOpen(): boolean {
    const { registration } = this
    if (registration.unanswered > 0 || this.closed !== undefined || this.waits) return false
    return (
      this.active.size < (registration.awakeWindow === undefined ? this.parts.settings.nstart : 1)
    )
  }

  /** Why a request that may not wait fails at once. */
  private unreachable(): Error {
    const { endpoint, registration } = this
    if (registration.state === 'asleep') return new OperationError('asleep', `${endpoint} sleeps`)
    return new PeerGone(
      registration.peer,
      `${endpoint} has no DTLS association: it must make a handshake first`,
    )
  }

  private start(pending: PendingRequest): void {
    const { registration, parts } = this
    // What ends requests (a move, a new registration) has come to its end when they fail.
    const fail = (error: unknown): void =>
      parts.clock.microtask(() => this.onFailed(pending, error))
    try {
      const coap = parts.routes.of(registration)
      const limits = this.begin(pending)
      pending.send(coap, registration, limits, (answer) => this.onAnswer(pending, answer), fail)
    } catch (error) {
      fail(error)
    }
  }

  /** The message that brings it opens the window again. */
  private onAnswer(pending: PendingRequest, answer: Answer): void {
    if (!this.active.delete(pending)) return
    this.finish(pending, answer, undefined)
    if (this.queue.length > 0) this.pump()
  }

  private onFailed(pending: PendingRequest, error: unknown): void {
    if (!this.active.delete(pending)) return
    this.onFailure(pending, error)
    this.checkWindow()
    this.pump()
  }

  /**
   * Starts the time that a request has from now on: what its timeout left of it in line, or all of it
   * where it waited for a sleeping device. Each answered block has the whole time again.
   */
  private begin(pending: PendingRequest): TimeLimits | undefined {
    const { clock } = this.parts
    const { timeout, signal } = pending.options
    const now = clock.monotonic()
    pending.sentAt = now
    clock.cancel(pending)
    if (timeout === undefined) return undefined
    if (pending.announced) pending.timeoutAt = now + timeout
    const abort = new AbortController()
    pending.abort = abort
    const limit = (at: number): void => clock.scheduleAt(pending, at + OWN_TIMER)
    limit(pending.timeoutAt)
    return {
      responseTimeout: Math.max(1, pending.timeoutAt - now),
      signal: signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]),
      onAnswer: () => {
        if (this.active.has(pending)) limit(clock.monotonic() + timeout)
      },
    }
  }

  private onFailure(pending: PendingRequest, error: unknown): void {
    const window = this.registration.awakeWindow
    if (!isUndelivered(error) || (window === undefined && !this.waits)) {
      this.finish(pending, undefined, error)
      return
    }
    window?.sleep()
    const keep =
      this.parts.settings.onDeliveryFailure === 'keep' &&
      pending.expiresAt > this.parts.clock.now() &&
      pending.options.signal?.aborted !== true
    if (!keep) return this.finish(pending, undefined, error)
    this.queue.unshift(pending)
    // One that was announced before has its time to live taken up again.
    if (pending.announced) this.limit(pending)
  }

  /** A window that ended while the device owed an answer, and was not opened again by one. */
  private checkWindow(): void {
    if (this.active.size === 0) this.registration.awakeWindow?.sleepIfLapsed()
  }

  /** Tells the sender that its request waits, once it is kept. */
  private announce(pending: PendingRequest): void {
    if (pending.announced) return
    pending.announced = true
    this.limit(pending)
    const { journal } = this.parts
    const { ticket, onQueued, format, timeout } = pending.options
    const { id, request, queuedAt, expiresAt } = pending
    if (journal === undefined || ticket === undefined || request === undefined) {
      onQueued?.()
      return
    }
    pending.stored = true
    const { endpoint } = this
    const record = { id, endpoint, request, ticket, queuedAt, expiresAt, format, timeout }
    const kept = journal.put(record).then(
      () => {
        if (!pending.settled) onQueued?.()
      },
      (error: unknown) => this.drop(pending, error),
    )
    this.parts.clock.detach('keeping a request', kept)
  }

  private limit(pending: PendingRequest): void {
    const { clock } = this.parts
    clock.schedule(pending, Math.max(0, pending.expiresAt - clock.now()))
  }

  private drop(pending: PendingRequest, error: unknown): void {
    const index = this.queue.indexOf(pending)
    if (index < 0) return
    this.queue.splice(index, 1)
    this.finish(pending, undefined, error)
  }

  private finish(pending: PendingRequest, answer: Answer | undefined, error: unknown): void {
    this.parts.clock.cancel(pending)
    if (answer !== undefined) pending.succeed(answer, this.registration)
    else pending.fail(error)
    if (pending.stored) this.parts.journal?.delete(pending.id)
  }

  private count(): void {
    const { length } = this.queue
    this.parts.queued += length - this.counted
    this.counted = length
  }

  private report(): void {
    this.count()
    const { length } = this.queue
    if (length === this.reported) return
    // What only stands in line for a device that is there waits for nothing that would be told.
    if (this.registration.awakeWindow === undefined && !this.waits && length > 0) return
    this.reported = length
    this.parts.onQueueChanged(this.endpoint, length)
  }
}
