import { CodedError } from '../../base/coded-error'
import type { CoapResponse } from '../../coap/types'
import { Path } from '../../lwm2m/path'
import { quoteName } from '../endpoint-name'
import { OperationError } from '../errors'
import type { OperationOptions, OperationResult, Registration } from '../types'
import type { DeviceRequest, RequestCall, RequestChannel } from './device-request'
import { operationByName, type OperationInputs, type OperationName } from './index'
import type { OperationContext } from './operation'
import type { OperationContexts } from './operation-contexts'
import type { OperationCounters } from './operation-counters'
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
  /**
   * @param values told of what is read
   * @param counters told how requests ended
   */
  constructor(
    private readonly devices: AskableDevices,
    private readonly contexts: OperationContexts,
    private readonly values: ValueStream,
    private readonly counters: OperationCounters,
  ) {}

  /** Does an operation: builds its request, waits for the device, and reads the answer. */
  perform<N extends OperationName>(
    name: N,
    endpoint: string,
    input: OperationInputs[N],
    options: OperationOptions = {},
  ): Promise<OperationResult> {
    return new Promise((resolve, reject) => {
      const device = this.devices.registration(endpoint)
      if (device === undefined) return reject(unknownEndpoint(endpoint))
      const encode = (target: Registration): DeviceRequest => {
        const built = operationByName(name).build(input, target, this.contexts.of(options.format))
        return target.gateway === undefined ? built : { ...built, endpoint }
      }
      const call = new OperationCall(this, endpoint, options, encode, device, resolve, reject)
      this.devices.channel(device).submit(call, options)
    })
  }

  /**
   * What a response says; asks once more in another format where the device refused the one chosen
   * for it. For requests restored after a restart.
   */
  async conclude(
    endpoint: string,
    request: DeviceRequest,
    response: CoapResponse,
    options: OperationOptions = {},
  ): Promise<OperationResult> {
    const name = request.endpoint ?? endpoint
    const target = this.registration(name)
    if (target === undefined) throw unknownEndpoint(name)
    return this.outcome(request, response, options, target)
  }

  /** The present registration of an endpoint. */
  registration(endpoint: string): Registration | undefined {
    return this.devices.registration(endpoint)
  }

  /** As {@link conclude}; at once where nothing more is to be asked, as nearly always. */
  outcome(
    request: DeviceRequest,
    response: CoapResponse,
    options: OperationOptions,
    target: Registration,
  ): OperationResult | Promise<OperationResult> {
    this.counters.ended(request.operation, response.code)
    const context = this.contexts.of(options.format)
    const operation = operationByName(request.operation)
    const other = operation.fallback?.(request, response, target, context)
    if (other === undefined) return this.interpret(request, response, target, context)
    return this.devices
      .channel(target)
      .request(other, options)
      .then((second) => {
        this.counters.ended(other.operation, second.code)
        return this.interpret(other, second, this.registration(target.endpoint) ?? target, context)
      })
  }

  /** A request that was taken ended without a response. */
  failed(request: DeviceRequest, error: unknown): void {
    this.counters.ended(request.operation, error instanceof CodedError ? error.code : 'internal')
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

function unknownEndpoint(endpoint: string): OperationError {
  return new OperationError('unknown-endpoint', `${quoteName(endpoint)} is not registered`)
}

/** An operation on its way to its device. */
class OperationCall implements RequestCall {
  request: DeviceRequest

  /** @throws what building the request throws */
  constructor(
    private readonly operations: Operations,
    private readonly endpoint: string,
    private readonly options: OperationOptions,
    private readonly build: (target: Registration) => DeviceRequest,
    private readonly device: Registration,
    private readonly resolve: (result: OperationResult | Promise<OperationResult>) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.request = build(device)
  }

  encode(): void {
    this.request = this.build(this.operations.registration(this.endpoint) ?? this.device)
  }

  onResponse(response: CoapResponse, from: Registration): void {
    try {
      const target = this.device.gateway === undefined ? from : this.present
      this.resolve(this.operations.outcome(this.request, response, this.options, target))
    } catch (error) {
      this.reject(error)
    }
  }

  onFailure(error: unknown): void {
    this.operations.failed(this.request, error)
    this.reject(error)
  }

  /** An end device is not registered itself: it is there as long as its gateway says so. */
  private get present(): Registration {
    return this.operations.registration(this.endpoint) ?? this.device
  }
}
