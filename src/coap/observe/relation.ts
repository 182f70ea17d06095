import type { Scheduler } from '../../base/scheduler'
import { describeError } from '../../base/guard'
import { BodyReceiver } from '../blockwise/body-receiver'
import { isSuccess } from '../codes'
import { CoapCancelled } from '../errors'
import type { Operation, OperationRelation } from '../exchanges/operation'
import type { Requester } from '../exchanges/requester'
import { responseOf } from '../exchanges/response'
import type { Message } from '../message'
import type { PeerState } from '../peers'
import type { CoapStats } from '../stats'
import type {
  CancelOptions,
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../types'
import type { Warnings } from '../warnings'
import type { Peer } from '../../transport/transport'

/** RFC 7641 §3.4: after this time in milliseconds any number is newer. */
const FRESH_AFTER = 128_000

/** Compares 24-bit numbers that wrap (RFC 7641 §3.4). */
export function isNewer(value: number, last: number, elapsed: number): boolean {
  return (
    (last < value && value - last < 0x800000) ||
    (last > value && last - value > 0x800000) ||
    elapsed > FRESH_AFTER
  )
}

/** What observations need of the object that keeps them. */
export interface RelationHost {
  readonly requester: Requester
  readonly scheduler: Scheduler
  readonly stats: CoapStats
  readonly warnings: Warnings
  /**
   * From now on it receives the notifications with its token; an earlier one with that token ends.
   */
  add(relation: Relation): void
  remove(relation: Relation): void
}

/** The client side of an observation (RFC 7641 §3). */
export class Relation implements ObserveRelation, OperationRelation {
  /** The next one with the same token, of another peer. */
  next: Relation | undefined = undefined
  first: CoapResponse | undefined = undefined
  active = false
  /** Whether it receives the notifications with its token. */
  established = false
  private lastNumber: number | undefined = undefined
  private lastAt = 0
  /** Fetches the body of the first response or of the newest notification. */
  private fetching: Operation | undefined = undefined
  private registering = false

  constructor(
    private readonly host: RelationHost,
    public state: PeerState,
    readonly key: string,
    private readonly init: CoapRequestInit,
    private readonly listener: ObserveListener,
  ) {}

  get peer(): Peer {
    return this.state.peer
  }

  get token(): Uint8Array {
    return Buffer.from(this.key, 'latin1')
  }

  /**
   * Sends the observe request. Resolves with the whole body of the response; if a later block of it
   * is lost, the observation exists nevertheless (the device has accepted it), without a first
   * response.
   */
  async register(): Promise<this> {
    try {
      this.first = await this.host.requester.request(this.state, this.init, {
        observe: 0,
        token: this.key,
        relation: this,
      })
    } catch (error) {
      if (!this.active || error instanceof CoapCancelled) {
        this.forget()
        throw error
      }
      this.incomplete(error)
    } finally {
      this.registering = false
      this.fetching = undefined
    }
    return this
  }

  /** The peer accepted it: notifications may arrive from now on. */
  establish(number: number, operation: Operation): void {
    this.attach()
    this.lastNumber = number
    this.lastAt = this.host.scheduler.monotonic()
    this.registering = true
    this.fetching = operation
  }

  /** Receives notifications without an observe request: an observation from before a restart. */
  attach(): void {
    this.host.add(this)
    this.established = true
    this.active = true
  }

  async cancel(options: CancelOptions = {}): Promise<CoapResponse> {
    this.active = false
    this.dropFetch()
    try {
      return await this.host.requester.request(
        this.state,
        { ...this.init, signal: undefined, onProgress: undefined, onAnswer: undefined, ...options },
        { observe: 1, token: this.key, relation: this },
      )
    } finally {
      this.detach()
    }
  }

  forget(): void {
    this.active = false
    this.detach()
  }

  /** The observation ended without a cancellation of ours. */
  end(reason: 'error' | 'gone' | 'stopped', response?: CoapResponse): void {
    const told = this.active
    this.active = false
    this.detach()
    if (!told) return
    try {
      this.listener.onEnd?.(reason, response)
    } catch (error) {
      this.host.warnings.warn('listener-failed', `onEnd: ${describeError(error)}`, this.peer)
    }
  }

  onMessage(message: Message): void {
    if (!this.active) return
    if (!isSuccess(message.code)) {
      this.end('error', responseOf(this.peer, message))
      return
    }
    // A notification without a number violates RFC 7641, but its value is still new.
    if (message.observe !== undefined && !this.takeNumber(message.observe)) {
      this.host.stats.stale++
      return
    }
    if (this.registering) {
      this.fetching?.supersede(message)
      return
    }
    this.dropFetch()
    const { block2 } = message
    if (block2 === undefined || (!block2.more && block2.num === 0)) {
      this.deliver(responseOf(this.peer, message))
    } else {
      this.fetchRest(message)
    }
  }

  onRejected(error: Error): void {
    if (this.active) this.incomplete(error)
  }

  /** False for a number that is not newer than the last one (RFC 7641 §3.4). */
  private takeNumber(number: number): boolean {
    if (this.host.requester.layer.ordered) return true
    const now = this.host.scheduler.monotonic()
    const last = this.lastNumber
    if (last !== undefined && !isNewer(number, last, now - this.lastAt)) return false
    this.lastNumber = number
    this.lastAt = now
    return true
  }

  private deliver(response: CoapResponse): void {
    this.host.stats.notifications++
    try {
      this.listener.onNotification(response)
    } catch (error) {
      this.host.warnings.warn(
        'listener-failed',
        `onNotification: ${describeError(error)}`,
        this.peer,
      )
    }
  }

  /** RFC 7959 §2.6: the notification has only the first block. */
  private fetchRest(message: Message): void {
    const { settings, bodies } = this.host.requester
    let body: BodyReceiver
    try {
      body = new BodyReceiver(message, settings.maxBody, bodies)
    } catch (error) {
      this.incomplete(error)
      return
    }
    let fetching: Operation | undefined = undefined
    fetching = this.host.requester.start(
      this.state,
      {
        ...this.init,
        token: undefined,
        signal: undefined,
        onProgress: undefined,
        onAnswer: undefined,
      },
      { body, front: true },
      (response) => {
        if (this.fetching === fetching) this.fetching = undefined
        if (!this.active) return
        if (isSuccess(response.code)) this.deliver(response)
        else this.incomplete(new Error(`a later block was answered with code ${response.code}`))
      },
      (error) => {
        if (this.fetching === fetching) this.fetching = undefined
        if (this.active && !(error instanceof CoapCancelled)) this.incomplete(error)
      },
    )
    this.fetching = fetching
  }

  /**
   * The device may have gone to sleep during the transfer; the next notification will be complete.
   */
  private incomplete(error: unknown): void {
    this.host.warnings.warn(
      'notification-incomplete',
      `a notification of ${this.peer.id} is incomplete: ${describeError(error)}`,
      this.peer,
    )
  }

  private dropFetch(): void {
    if (this.registering) return
    this.fetching?.fail(new CoapCancelled('superseded by a newer notification'))
    this.fetching = undefined
  }

  /** Stops receiving the notifications with its token. */
  detach(): void {
    if (this.established) {
      this.established = false
      this.host.remove(this)
    }
    this.dropFetch()
  }
}
