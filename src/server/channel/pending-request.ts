import { Timer } from '../../base/scheduler'
import type { CoapEndpoint } from '../../coap/endpoint'
import type { CoapRequestInit, CoapResponse, ObserveRelation } from '../../coap/types'
import type { Peer } from '../../transport/transport'
import type { DeviceRequest } from '../operations/device-request'
import type { OperationOptions } from '../types'

/** A waiting request as it is shown. Times are milliseconds since the epoch. */
export interface QueuedRequest {
  readonly id: string
  readonly operation: string
  readonly path: string
  readonly queuedAt: number
  readonly expiresAt: number
}

/** What bounds a request that has a timeout of its own, from when it is sent. */
export type TimeLimits = Pick<CoapRequestInit, 'responseTimeout' | 'signal' | 'onAnswer'>

/** Hands a request to the CoAP endpoint. */
export type Sender = (
  coap: CoapEndpoint,
  peer: Peer,
  limits: TimeLimits | undefined,
) => Promise<CoapResponse> | Promise<ObserveRelation>

/** The channel that a request waits in or was sent by. */
export interface RequestKeeper {
  /** A request is past its time to live, or its own timeout. */
  expire(pending: PendingRequest): void
  /** Takes a waiting request out, which fails. */
  withdraw(pending: PendingRequest, error: Error): void
}

/** One request on its way through a `DeviceChannel`; as a timer, the end of its time to live. */
export class PendingRequest extends Timer implements QueuedRequest {
  /** Whether its sender was told that it waits for a sleeping device. */
  announced = false
  /** Whether it is in the store. */
  stored = false
  /** Whether it was queued before a restart: whoever restored it keeps the store in order. */
  restored = false
  settled = false
  /** Monotonic ms at which its own timeout ends, while it does not wait for a sleeping device. */
  timeoutAt = Infinity
  /** Monotonic ms at which it was sent. */
  sentAt = 0
  /** Takes it back when its timeout ends while it is under way. */
  abort: AbortController | undefined
  forgetSignal: (() => void) | undefined

  constructor(
    readonly id: string,
    public channel: RequestKeeper,
    /** `undefined` for an observation: its broker makes it again, a queue need not keep it. */
    readonly request: DeviceRequest | undefined,
    readonly options: OperationOptions,
    readonly queuedAt: number,
    readonly expiresAt: number,
    readonly send: Sender,
    private readonly resolve: (answer: CoapResponse | ObserveRelation) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super()
  }

  onTimer(): void {
    this.channel.expire(this)
  }

  override onTimerError(error: unknown): void {
    this.fail(error)
  }

  get operation(): string {
    return this.request?.operation ?? 'observe'
  }

  get path(): string {
    return this.request?.path ?? '/'
  }

  succeed(answer: CoapResponse | ObserveRelation): void {
    if (this.settle()) this.resolve(answer)
  }

  fail(error: unknown): void {
    if (this.settle()) this.reject(error)
  }

  private settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.forgetSignal?.()
    return true
  }
}
