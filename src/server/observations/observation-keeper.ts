import { describeError, detach } from '../../base/guard'
import type { ServerWarning } from '../types'
import type { ObservationStore, StoredObservation } from './observation-store'

/** Writes observations to the store, where there is one; what cannot be written is a warning. */
export class ObservationKeeper {
  constructor(
    private readonly store: ObservationStore | undefined,
    private readonly warn: (warning: ServerWarning) => void,
  ) {}

  /** All that was kept. @throws StoreError */
  async *list(): AsyncIterable<StoredObservation> {
    if (this.store !== undefined) yield* this.store.list()
  }

  /** Resolves when it is kept. A failure is a warning: the observation works, until a restart. */
  keep(observation: StoredObservation): Promise<void> | undefined {
    return this.store?.put(observation)?.catch((error: unknown) => this.failed(error))
  }

  forget(endpoint: string, key: string): void {
    detach(this.store?.delete(endpoint, key), (error) => this.failed(error))
  }

  private failed(error: unknown): void {
    const why = describeError(error)
    this.warn({ code: 'store-failed', message: `an observation could not be kept: ${why}` })
  }
}
