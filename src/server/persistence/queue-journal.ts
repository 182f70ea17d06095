import { detach } from '../../base/guard'
import { cborOfVersion, hasProperties, RecordType } from '../../storage/record-type'
import type { Store } from '../../storage/store'
import type { DeviceRequest } from '../operations/device-request'

const QUEUE = 'queue:'

/** Who is to be told of the outcome; see `OperationOptions.ticket`. */
export interface Ticket {
  readonly origin: string
  readonly data: unknown
}

/** A queued request as it was kept. */
export interface StoredRequest {
  readonly id: string
  readonly endpoint: string
  readonly request: DeviceRequest
  readonly ticket: Ticket
  readonly queuedAt: number
  readonly expiresAt: number
  readonly format: number | undefined
  readonly timeout: number | undefined
}

const QUEUE_RECORD = new RecordType<Omit<StoredRequest, 'id'>>({
  what: 'a queued request',
  version: 1,
  unversioned: cborOfVersion(1),
  isWhole(body): body is Omit<StoredRequest, 'id'> {
    return (
      hasProperties(body, {
        endpoint: 'string',
        request: 'object',
        ticket: 'object',
        queuedAt: 'number',
        expiresAt: 'number',
      }) &&
      hasProperties((body as StoredRequest).request, {
        operation: 'string',
        path: 'string',
        init: 'object',
      })
    )
  },
})

/** Keeps requests that wait for sleeping devices, in order. */
export class QueueJournal {
  /** @param onError told of a write that nobody waits for and that failed */
  constructor(
    private readonly store: Store,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves when it is kept. @throws StoreError */
  put({ id, ...record }: StoredRequest): Promise<void> {
    return this.store.put(QUEUE + id, QUEUE_RECORD.encode(record))
  }

  delete(id: string): void {
    detach(this.store.delete(QUEUE + id), this.onError)
  }

  /** Everything kept, oldest first. An entry of an unknown form is passed over: `undefined`. */
  async *list(): AsyncIterable<StoredRequest | undefined> {
    for await (const [key, value] of this.store.list(QUEUE)) {
      const stored = QUEUE_RECORD.decode(value)
      yield stored && { ...stored, id: key.slice(QUEUE.length) }
    }
  }
}

/** Two digits of base 36. */
const LOW_DIGITS: readonly string[] = Array.from({ length: 36 * 36 }, (_, n) =>
  n.toString(36).padStart(2, '0'),
)

/** Makes ids that sort by age: milliseconds of the start, then a counter; 9 + 9 characters of base 36. */
export class RequestIds {
  private readonly prefix: string
  private counter = 0
  /** The prefix and all digits of the counter but the last two, which change with every request. */
  private head = ''

  /** @param now ms since the epoch; @param after the newest id of the last run, to stay behind it */
  constructor(now: number, after = '') {
    let start = now
    const last = parseInt(after.slice(0, 9), 36)
    if (last >= start) start = last + 1
    this.prefix = start.toString(36).padStart(9, '0')
  }

  next(): string {
    const low = this.counter % LOW_DIGITS.length
    if (low === 0) {
      const high = this.counter / LOW_DIGITS.length
      this.head = this.prefix + high.toString(36).padStart(7, '0')
    }
    this.counter++
    return this.head + (LOW_DIGITS[low] as string)
  }
}
