import type { Counter, Metrics } from '../../base/metrics'
import { formatCode } from '../../coap/codes'
import type { CoapReply } from '../../coap/types'
import type { ValueCause, ValueReport } from '../types'

/** Counts what left devices: reports and values by their cause, what could not be read, and Sends. */
export class ValueCounters {
  private readonly reports: { readonly [C in ValueCause]: Counter }
  private readonly values: { readonly [C in ValueCause]: Counter }
  private readonly failures: { readonly [C in ValueCause]: Counter }
  private readonly sends

  constructor(metrics: Metrics) {
    this.reports = byCause(
      metrics,
      'lwm2m_reports_total',
      'Reports of values that left devices: one a moment.',
    )
    this.values = byCause(metrics, 'lwm2m_values_total', 'Values that left devices.')
    this.failures = byCause(
      metrics,
      'lwm2m_undecodable_total',
      'Messages with values that could not be decoded.',
    )
    this.sends = metrics.counter('lwm2m_sends_total', 'Sends by the code of the answer.', ['code'])
  }

  /** As a sink of the stream of values. */
  readonly onValues = ({ cause, records }: ValueReport): void => {
    this.reports[cause].add()
    this.values[cause].add(records.length)
  }

  undecodable(cause: ValueCause): void {
    this.failures[cause].add()
  }

  sendAnswered({ code }: CoapReply): void {
    this.sends.with(formatCode(code)).add()
  }
}

function byCause(
  metrics: Metrics,
  name: string,
  help: string,
): { readonly [C in ValueCause]: Counter } {
  const family = metrics.counter(name, help, ['cause'])
  return {
    read: family.with('read'),
    first: family.with('first'),
    notify: family.with('notify'),
    send: family.with('send'),
  }
}
