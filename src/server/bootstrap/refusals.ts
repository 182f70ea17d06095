import { CodedError } from '../../base/coded-error'
import type { ErrorCode } from '../../base/codes'
import { Code } from '../../coap/codes'

/** A bootstrap request is answered with an error; `code` and the message are for the operator. */
export class RequestRefused extends CodedError {
  constructor(
    readonly coapCode: number,
    code: ErrorCode,
    reason: string,
    readonly endpoint?: string,
  ) {
    super(code, reason)
  }
}

/** Too much to do, or about to stop: the device may come again. */
export function overload(reason: string): RequestRefused {
  return new RequestRefused(Code.SERVICE_UNAVAILABLE, 'overload', reason)
}

/** Devices that get 5.01 go on with `POST /bs`. */
export function packDisabled(): RequestRefused {
  return new RequestRefused(Code.NOT_IMPLEMENTED, 'pack-disabled', 'Bootstrap-Pack is disabled')
}

/** As {@link packDisabled}, for a device that has to be asked what it has. */
export function packUnknown(): RequestRefused {
  return new RequestRefused(
    Code.NOT_IMPLEMENTED,
    'pack-unknown',
    'it is not known which instances the device has: it is asked in a session',
  )
}

/** Whatever went wrong, as an answer: what is not a refusal is a failure of this side. */
export function refusalOf(error: unknown): RequestRefused {
  if (error instanceof RequestRefused) return error
  return error instanceof CodedError
    ? new RequestRefused(Code.INTERNAL_SERVER_ERROR, error.code, error.message)
    : new RequestRefused(Code.INTERNAL_SERVER_ERROR, 'internal', String(error))
}
