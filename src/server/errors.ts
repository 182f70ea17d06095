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
    const name = codeName(coapCode)
    // Many devices say no more than the code does.
    const says = diagnostic.toLowerCase() !== name.toLowerCase() && diagnostic !== ''
    super(
      formatCode(coapCode),
      `${what}: ${formatCode(coapCode)} ${name}${says ? `: ${diagnostic}` : ''}`,
    )
  }
}

/**
 * Refused or ended on this side. Codes: `unknown-endpoint` (not registered), `asleep`, `expired` (waited longer
 * than its ttl), `queue-full`, `cancelled` (re-registered, de-registered, stopped), `unsupported`
 * (the device's version has no such operation), `invalid-argument`, `not-running`.
 */
export class OperationError extends CodedError {}
