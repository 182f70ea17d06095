import { formatCode, codeName } from '../coap/codes'
import { CodedError } from '../base/coded-error'

/** The device answered with an error; `code` is `'4.04'`, `'5.00'`, … */
export class DeviceError extends CodedError {
  constructor(
    readonly coapCode: number,
    what: string,
    /** Diagnostic payload (RFC 7252 §5.5.2), where the device sent one. */
    readonly diagnostic: string = '',
  ) {
    const detail = diagnostic === '' ? '' : `: ${diagnostic}`
    super(formatCode(coapCode), `${what}: ${formatCode(coapCode)} ${codeName(coapCode)}${detail}`)
  }
}

/**
 * Refused or ended on this side. Codes: `unknown-endpoint` (not registered), `asleep`, `expired` (waited longer
 * than its ttl), `queue-full`, `cancelled` (re-registered, de-registered, stopped), `unsupported`
 * (the device's version has no such operation), `invalid-argument`, `not-running`.
 */
export class OperationError extends CodedError {}
