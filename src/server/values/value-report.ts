import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { OperationResult, Registration } from '../types'

/**
 * Why values left a device: it was read (Read, Read-Composite), answered an Observe, notified, or sent
 * them of its own accord (Send).
 */
export type ValueCause = 'read' | 'first' | 'notify' | 'send'

/** Values of one moment as they left a device. */
export interface ValueReport {
  readonly endpoint: string
  readonly registration: Registration
  readonly cause: ValueCause
  /** What was asked for; the root of composite operations; the common path of a Send. */
  readonly path: Path
  readonly records: readonly Record[]
  /** Numeric CoAP code. */
  readonly code: number
  /** Content-Format, where there was one. */
  readonly format: number | undefined
  /** When they came, ms since the epoch; when they were measured, the records say where they do. */
  readonly time: number
}

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
