import type { Path } from './path'
import type { Value } from './value'

/**
 * The common currency between every content format and everything above: one value at one path. A
 * flat list of records says all that a message says; trees, payloads and tables are views of it.
 */
export interface Record {
  /** Of a resource or resource instance; of any level where there is no value (composite requests). */
  readonly path: Path
  /** `undefined` in a list of paths (composite requests) and for a deletion (SenML-ETCH null). */
  readonly value: Value | undefined
  /** Milliseconds since the epoch, where the message dates the value. */
  readonly time?: number
}
