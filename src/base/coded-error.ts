import type { ErrorCode } from './codes'

/**
 * Base class of every typed error in this package. `code` is stable and machine-readable: flows
 * find it as `error.code` at a Catch node (`'4.04'`, `'timeout'`, `'unknown-endpoint'`, …).
 */
export class CodedError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = new.target.name
  }
}
