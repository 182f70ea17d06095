import { Timer } from '../../base/scheduler'
import type { CoapEndpoint } from '../../coap/endpoint'
import type {
  CoapRequestInit,
  CoapResponse,
  ObserveListener,
  ObserveRelation,
} from '../../coap/types'
import type { DeviceRequest, RequestCall } from '../operations/device-request'
import type { DeviceRegistration } from '../registration/device-registration'
import type { ObjectList } from '../registration/object-lists'
import type { Lwm2mVersion, OperationOptions } from '../types'

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

/** An observe request, and who is told of its end. Its broker makes it again: a queue need not keep it. */
export interface ObserveCall {
  readonly request: undefined
  readonly init: CoapRequestInit
  readonly listener: ObserveListener
  onResponse(relation: ObserveRelation): void
  onFailure(error: unknown): void
}

/** What a request was answered. */
export type Answer = CoapResponse | ObserveRelation

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
  /** What of the registration it was encoded for. */
  private list: ObjectList
  private version: Lwm2mVersion

  constructor(
    readonly id: string,
    public channel: RequestKeeper,
    private readonly call: RequestCall | ObserveCall,
    readonly options: OperationOptions,
    readonly queuedAt: number,
    readonly expiresAt: number,
    registration: DeviceRegistration,
  ) {
    super()
    this.list = registration.list
    this.version = registration.version
  }

  get request(): DeviceRequest | undefined {
    return this.call.request
  }

  /**
   * Hands it to the CoAP endpoint, encoded for the device as it is registered now.
   * @throws what encoding it throws
   */
  send(
    coap: CoapEndpoint,
    registration: DeviceRegistration,
    limits: TimeLimits | undefined,
    succeed: (answer: Answer) => void,
    fail: (error: unknown) => void,
  ): void {
    const { call, options } = this
    const { peer } = registration
    const { signal, onProgress } = options
    if (call.request === undefined) {
      coap.observe(peer, { signal, ...call.init, ...limits }, call.listener).then(succeed, fail)
      return
    }
    if (registration.list !== this.list || registration.version !== this.version) {
      this.list = registration.list
      this.version = registration.version
      call.encode?.()
    }
    const { init } = call.request
    // Most requests say no more than their operation does: nothing to be copied then.
    const plain = signal === undefined && onProgress === undefined && limits === undefined
    coap.ask(peer, plain ? init : { ...init, signal, onProgress, ...limits }, succeed, fail)
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

  succeed(answer: Answer, registration: DeviceRegistration): void {
    if (this.settle()) this.call.onResponse(answer as CoapResponse & ObserveRelation, registration)
  }

  fail(error: unknown): void {
    if (this.settle()) this.call.onFailure(error)
  }

  private settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.forgetSignal?.()
    return true
  }
}
