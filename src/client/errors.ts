import { CodedError } from '../base/coded-error'
import type { CodeText } from '../base/codes'

/**
 * Error of the device itself. Codes: `invalid-description`, `invalid-argument`, `unknown-path`,
 * `not-running`, `not-registered`, `muted` (`/1/x/23`, Core §6.4.6), `rejected` (the server
 * answered with an error; see {@link ServerRejected}), `bootstrap-failed`.
 */
export class ClientError extends CodedError {}

/** The server answered with an error code; `code` is `'4.04'`, `'5.00'`, … */
export class ServerRejected extends CodedError {
  constructor(
    readonly coapCode: number,
    code: CodeText,
    message: string,
  ) {
    super(code, message)
  }
}
