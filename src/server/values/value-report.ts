import type { OperationResult, Registration, ValueCause, ValueReport } from '../types'

/** @param time ms since the epoch */
export function valueReport(
  cause: ValueCause,
  result: OperationResult,
  registration: Registration,
  time: number,
): ValueReport {
  const { endpoint, path, records, code, format } = result
  return { endpoint, registration, cause, path, records, code, format, time }
}
