import type { CoapResponse } from '../../coap/types'
import type { ObjectModel } from '../../lwm2m/model/definition'
import type { OperationResult, Registration, ServerWarning } from '../types'
import type { FormatChoice } from './content-format'
import type { DeviceRequest } from './device-request'

/** What an operation needs to know beside its input and its device. */
export interface OperationContext extends FormatChoice {
  readonly model: ObjectModel
  /** Milliseconds since the epoch. */
  readonly now: number
  warn(warning: ServerWarning): void
}

/**
 * One LwM2M operation as two pure functions: how it is asked, and what the answer says. Neither
 * sends anything, so that a request can wait in a queue, or be restored, between the two.
 */
export interface Operation<Input> {
  /**
   * @throws OperationError `invalid-argument` (wrong level, impossible value) or `unsupported` (the
   *   device's LwM2M version has no such operation), EncodeError, PathError: nothing was sent then
   */
  build(input: Input, device: Registration, context: OperationContext): DeviceRequest
  /**
   * @throws DeviceError when the device answered with an error code, DecodeError when its answer
   *   cannot be read
   */
  interpret(
    request: DeviceRequest,
    response: CoapResponse,
    device: Registration,
    context: OperationContext,
  ): OperationResult
  /**
   * The same request in another Content-Format, when the response says that the device does not
   * know the one that was chosen for it (4.06, 4.15; 4.02 for Accept). What the caller chose
   * ({@link DeviceRequest.formatChosen}) stays.
   */
  fallback?(
    request: DeviceRequest,
    response: CoapResponse,
    device: Registration,
    context: OperationContext,
  ): DeviceRequest | undefined
}
