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
  /** With security. */
  readonly secured: number
  /** With security, and their DTLS association is gone. */
  readonly awaitingHandshake: number
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

/** What was counted as it happened: it costs the same with few registrations and with many. */
export function statisticsOf(
  core: ServerCore,
  bootstrap: BootstrapService | undefined,
): ServerStatistics {
  const { endpoints, table } = core
  return {
    registrations: table.size,
    asleep: core.windows.asleep,
    secured: table.secured,
    awaitingHandshake: table.awaitingHandshake,
    queued: core.channels.queuedCount,
    budgets: core.budgets.use,
    coap: endpoints.get('coap')?.endpoint.stats,
    coaps: endpoints.get('coaps')?.endpoint.stats,
    dtls: endpoints.get('coaps')?.dtls?.counters,
    bootstrapCoap: bootstrap?.endpoints.get('coap')?.endpoint.stats,
    bootstrapCoaps: bootstrap?.endpoints.get('coaps')?.endpoint.stats,
    bootstrapDtls: bootstrap?.endpoints.get('coaps')?.dtls?.counters,
  }
}
