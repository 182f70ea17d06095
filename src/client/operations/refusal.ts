import { CodedError } from '../../base/coded-error'
import { codeName, formatCode } from '../../coap/codes'
import type { CoapReply } from '../../coap/types'

/** An error response of the device. */
export class Refusal extends CodedError {
  constructor(
    /** Numeric CoAP code. */
    readonly coapCode: number,
    message: string = codeName(coapCode),
  ) {
    super(formatCode(coapCode), message)
  }

  /** The error response, with the message as diagnostic payload (RFC 7252 §5.5.2). */
  toReply(): CoapReply {
    return { code: this.coapCode, payload: Buffer.from(this.message, 'utf8') }
  }
}
