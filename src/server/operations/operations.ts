import type { CoapResponse } from '../../coap/types'
import { Path } from '../../lwm2m/path'
import { quoteName } from '../endpoint-name'
import { OperationError } from '../errors'
import type { OperationOptions, OperationResult, Registration } from '../types'
import type { DeviceRequest, RequestChannel } from './device-request'
import { operationByName, type OperationInputs, type OperationName } from './index'
import type { OperationContext } from './operation'
import type { OperationContexts } from './operation-contexts'
import { valueReports } from '../values/value-report'
import type { ValueStream } from '../values/value-stream'

/** The registered devices and the way to each. */
export interface AskableDevices {
  registration(endpoint: string): Registration | undefined
  channel(registration: Registration): RequestChannel
}

/** Operations that answer values. */
const READS: ReadonlySet<string> = new Set<OperationName>(['read', 'read-composite'])

/**
 * The device management operations of the server (Core §6.3). Each one rejects with
 * - OperationError: `unknown-endpoint`, `invalid-argument`, `unsupported` (nothing was sent), or what
 *   the queue says (`asleep`, `expired`, `queue-full`, `cancelled`);
 * - PathError, EncodeError: the path or the value is none (nothing was sent);
 * - DeviceError: the device answered with an error; `code` is `'4.04'`, …
 * - DecodeError: its answer cannot be read; `raw` has the bytes;
 * - CoapTimeout, CoapResponseTimeout, CoapReset, PeerGone, CoapCancelled: there was none.
 */
export class Operations {
  /** @param values told of what is read */
  constructor(
    private readonly devices: AskableDevices,
    private readonly contexts: OperationContexts,
    private readonly values: ValueStream,
  ) {}

  /** Does an operation: builds its request, waits for the device, and reads the answer. */
  async perform<N extends OperationName>(
    name: N,
    endpoint: string,
    input: OperationInputs[N],
    options: OperationOptions = {},
  ): Promise<OperationResult> {
    const device = this.devices.registration(endpoint)
    if (device === undefined) {
      throw new OperationError('unknown-endpoint', `${quoteName(endpoint)} is not registered`)
    }
    const built = operationByName(name).build(input, device, this.contexts.of(options.format))
    const request = device.gateway === undefined ? built : { ...built, endpoint }
    const response = await this.devices.channel(device).request(request, options)
    return this.outcome(endpoint, request, response, options, device)
  }

  /**
   * What a response says; asks once more in another format where the device refused the one chosen
   * for it. Also for requests restored after a restart.
   * @param device the registration the request was sent to; default: the present one
   */
  async conclude(
    endpoint: string,
    request: DeviceRequest,
    response: CoapResponse,
    options: OperationOptions = {},
    device?: Registration,
  ): Promise<OperationResult> {
    return this.outcome(request.endpoint ?? endpoint, request, response, options, device)
  }

  /** As {@link conclude}; at once where nothing more is to be asked, as nearly always. */
  private outcome(
    endpoint: string,
    request: DeviceRequest,
    response: CoapResponse,
    options: OperationOptions,
    device: Registration | undefined,
  ): OperationResult | Promise<OperationResult> {
    const target = this.devices.registration(endpoint) ?? device
    if (target === undefined) {
      throw new OperationError('unknown-endpoint', `${quoteName(endpoint)} is not registered`)
    }
    const context = this.contexts.of(options.format)
    const operation = operationByName(request.operation)
    const other = operation.fallback?.(request, response, target, context)
    if (other === undefined) return this.interpret(request, response, target, context)
    return this.devices
      .channel(target)
      .request(other, options)
      .then((second) =>
        this.interpret(other, second, this.devices.registration(endpoint) ?? target, context),
      )
  }

  private interpret(
    request: DeviceRequest,
    response: CoapResponse,
    device: Registration,
    context: OperationContext,
  ): OperationResult {
    const operation = operationByName(request.operation)
    const result = operation.interpret(request, response, device, context)
    if (READS.has(request.operation)) this.report(result, device, context.now)
    const { milliseconds } = request
    return milliseconds === undefined
      ? result
      : { ...result, milliseconds: milliseconds.map(Path.from) }
  }

  /** Values that were read, by their moments. */
  private report(result: OperationResult, device: Registration, now: number): void {
    if (result.records.length === 0) return
    for (const report of valueReports('read', result, device, now)) {
      this.values.report(report)
    }
  }
}
