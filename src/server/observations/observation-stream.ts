import { onAbort } from '../../base/guard'
import type { ObserveListener, Registration, Subscription, ValueReport } from '../types'

/** One value of an observation, with the registration that it belongs to. */
export interface ObservedValue {
  readonly result: ValueReport
  readonly registration: Registration
}

/** Options of an observation as an async iterable. */
export interface ObservationStreamOptions extends Pick<ObserveListener, 'onError' | 'onCount'> {
  /** Closes the subscription and ends the iteration. */
  readonly signal?: AbortSignal
  /** Values kept while the consumer is busy; beyond it the oldest are dropped. Default 1,000. */
  readonly maxBuffered?: number
}

const MAX_BUFFERED = 1_000

/**
 * The values of a subscription for `for await`. Leaving the loop closes the subscription. The buffer
 * is bounded: a consumer that is too slow loses the oldest values, and {@link dropped} counts them.
 */
export class ObservationStream implements AsyncIterableIterator<ObservedValue> {
  /** Values that the consumer was too slow for. */
  dropped = 0
  private readonly buffer: ObservedValue[] = []
  private readonly waiting: ((result: IteratorResult<ObservedValue, undefined>) => void)[] = []
  private readonly subscription: Subscription
  private ended = false
  private forgetSignal: (() => void) | undefined

  /**
   * @param subscribe makes the subscription, e.g. `Lwm2mServer.observe` with its request bound
   * @throws RangeError when `maxBuffered` is less than 1, and what `subscribe` throws
   */
  constructor(
    subscribe: (listener: ObserveListener) => Subscription,
    options: ObservationStreamOptions = {},
  ) {
    const { maxBuffered = MAX_BUFFERED, signal, onError, onCount } = options
    if (!(maxBuffered >= 1)) throw new RangeError('"maxBuffered" must be at least 1')
    this.subscription = subscribe({
      onValue: (result, registration) => this.push({ result, registration }, maxBuffered),
      onError,
      onCount,
    })
    if (signal !== undefined) this.forgetSignal = onAbort(signal, this.end)
    if (this.ended) this.forgetSignal?.()
  }

  next(): Promise<IteratorResult<ObservedValue, undefined>> {
    const value = this.buffer.shift()
    if (value !== undefined) return Promise.resolve({ value, done: false })
    if (this.ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  return(): Promise<IteratorResult<ObservedValue, undefined>> {
    this.buffer.length = 0
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private push(value: ObservedValue, maxBuffered: number): void {
    const consumer = this.waiting.shift()
    if (consumer !== undefined) {
      consumer({ value, done: false })
      return
    }
    if (this.buffer.length >= maxBuffered) {
      this.buffer.shift()
      this.dropped++
    }
    this.buffer.push(value)
  }

  private readonly end = (): void => {
    if (this.ended) return
    this.ended = true
    this.forgetSignal?.()
    this.subscription.close()
    for (const consumer of this.waiting.splice(0)) consumer({ value: undefined, done: true })
  }
}
