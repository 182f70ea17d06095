import type { CoapStats } from '../coap/stats'
import type { DtlsCounters } from '../dtls/counters'
import type { BootstrapService } from './bootstrap-service'
import type { ServerCore } from './server-core'
import type { BudgetLevels } from './types'

/** Counters for an operator; those of what is not served are undefined. */
export interface ServerStatistics {
  readonly registrations: number
  /** Queue-mode devices that sleep now. */
  readonly asleep: number
  /** What registrations take of the memory of this process. */
  readonly budgets: BudgetLevels
  /** Requests that wait for devices. */
  readonly queued: number
  readonly coap: CoapStats | undefined
  readonly coaps: CoapStats | undefined
  readonly dtls: DtlsCounters | undefined
  readonly bootstrapCoap: CoapStats | undefined
  readonly bootstrapCoaps: CoapStats | undefined
  readonly bootstrapDtls: DtlsCounters | undefined
}

/** Counts; walks all registrations, so it is for looking at, not for polling fast. */
export function statisticsOf(
  core: ServerCore,
  bootstrap: BootstrapService | undefined,
): ServerStatistics {
  let asleep = 0
  let queued = 0
  for (const registration of core.table) {
    if (registration.state === 'asleep') asleep++
    queued += registration.queue?.queueLength ?? 0
  }
  const { endpoints } = core
  return {
    registrations: core.table.size,
    asleep,
    queued,
    budgets: core.budgets.use,
    coap: endpoints.get('coap')?.endpoint.stats,
    coaps: endpoints.get('coaps')?.endpoint.stats,
    dtls: endpoints.get('coaps')?.dtls?.counters,
    bootstrapCoap: bootstrap?.endpoints.get('coap')?.endpoint.stats,
    bootstrapCoaps: bootstrap?.endpoints.get('coaps')?.endpoint.stats,
    bootstrapDtls: bootstrap?.endpoints.get('coaps')?.dtls?.counters,
  }
}
