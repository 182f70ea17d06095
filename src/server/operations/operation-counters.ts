import type { Counter, CounterFamily, Metrics } from '../../base/metrics'
import { formatCode } from '../../coap/codes'

/** Counts the requests of operations by what they were answered, as it happens. */
export class OperationCounters {
  private readonly requests: CounterFamily<readonly ['operation', 'code']>
  /** By operation and code: most requests are like an earlier one. */
  private readonly known = new Map<string, Map<number | string, Counter>>()

  constructor(metrics: Metrics) {
    this.requests = metrics.counter(
      'lwm2m_requests_total',
      'Requests to devices, by the operation and the code of the response or of the error.',
      ['operation', 'code'],
      1000,
    )
  }

  /** @param code of the response, or the stable code of the error that came instead */
  ended(operation: string, code: number | string): void {
    let codes = this.known.get(operation)
    if (codes === undefined) this.known.set(operation, (codes = new Map()))
    let counter = codes.get(code)
    if (counter === undefined) {
      counter = this.requests.with(operation, typeof code === 'number' ? formatCode(code) : code)
      codes.set(code, counter)
    }
    counter.add()
  }
}
