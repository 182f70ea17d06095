import { formatCode } from '../../coap/codes'
import type { WarningCode } from '../../base/codes'
import { CodedError } from '../../base/coded-error'

/** A Register, Update or De-register that is answered with an error; `coapCode` and text go to the device. */
export class RegistrationRefused extends CodedError {
  constructor(
    readonly coapCode: number,
    message: string,
    /** Stable code of the warning event, where the operator should hear of it. */
    readonly warning?: WarningCode | 'warned',
    /** Max-Age of the answer, seconds: when the device may ask again. */
    readonly retryAfter?: number,
  ) {
    super(formatCode(coapCode), message)
  }
}
