import type { Scheduler } from '../../base/scheduler'
import type { QueueJournal } from '../persistence/queue-journal'
import type { AwakeWindows } from './awake-window'
import type { Routes } from './routes'

/** How requests wait for devices. */
export interface QueueSettings {
  /** Default time to live, ms. */
  readonly ttl: number
  /** Requests that may wait for a sleeping device. */
  readonly maxLength: number
  readonly onDeliveryFailure: 'keep' | 'fail'
  /** Requests under way at a time for a device that is not in queue mode (NSTART, RFC 7252 §4.7). */
  readonly nstart: number
}

/** What the channels of a server share: one object, so that each holds one reference. */
export class ChannelParts {
  /** Requests that wait, of all devices. */
  queued = 0

  /**
   * @param journal keeps what waits; `undefined` without a store
   * @param nextId ids whose order is that of the requests
   * @param onQueueChanged told how many requests wait for an endpoint
   */
  constructor(
    readonly clock: Scheduler,
    readonly settings: QueueSettings,
    readonly windows: AwakeWindows,
    readonly routes: Routes,
    readonly journal: QueueJournal | undefined,
    readonly nextId: () => string,
    readonly onQueueChanged: (endpoint: string, length: number) => void,
  ) {}
}
