import { CodedError } from '../../base/coded-error'
import { codeName, formatCode } from '../../coap/codes'
import type { CoapReply } from '../../coap/types'

/** The device answers a request with an error code. */
export class Refusal extends CodedError {
  constructor(
    /** Numeric CoAP code. */
    readonly coapCode: number,
    message: string = codeName(coapCode),
  ) {
    super(formatCode(coapCode), message)
  }

  /** With the message as diagnostic payload (RFC 7252 §5.5.2). */
  toReply(): CoapReply {
    return { code: this.coapCode, payload: Buffer.from(this.message, 'utf8') }
  }
}
