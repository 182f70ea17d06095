import type { Path } from './path'
import type { Value } from './value'

/**
 * One value at one path: the common representation of all content formats for the layers above. A
 * flat list of records has all values of a message; trees, payloads and tables are views of it.
 */
export interface Record {
  /** Path of a resource or resource instance; of any level without a value (composite requests). */
  readonly path: Path
  /** `undefined` in a list of paths (composite requests) and for a deletion (SenML-ETCH null). */
  readonly value: Value | undefined
  /** Milliseconds since the epoch, if the message has a time for the value. */
  readonly time?: number
}
