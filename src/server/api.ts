/** What the server offers to applications, by part; {@link Lwm2mServer} delegates to the parts. */
import type { CoapReply, CoapRequest, CoapResponse } from '../coap/types'
import type { AttributeSet } from '../lwm2m/attributes'
import type { Path } from '../lwm2m/path'
import type { DeviceRequest } from './channel/device-request'
import type {
  ExecuteArguments,
  ObserveListener,
  ObserveRequest,
  OperationOptions,
  OperationResult,
  Registration,
  RegistrationChange,
  Subscription,
  WriteInput,
} from './types'

/** How a write treats what is there: `replace` is PUT, `update` is POST (Core §6.3.3). */
export interface WriteOptions extends OperationOptions {
  readonly mode?: 'replace' | 'update'
}

/** `depth` is of LwM2M 1.2: 0 the target only … 3 (Core §6.3.2). */
export interface DiscoverOptions extends OperationOptions {
  readonly depth?: 0 | 1 | 2 | 3
}

/**
 * The operations on registered devices.
 * All reject with DeviceError (the device answered an error), OperationError (refused here), or an
 * error of the CoAP endpoint (`timeout`, `response-timeout`, `reset`, `peer-gone`).
 */
export interface DeviceOperations {
  read(
    endpoint: string,
    path: Path | string,
    options?: OperationOptions,
  ): Promise<OperationResult>
  write(
    endpoint: string,
    path: Path | string,
    value: WriteInput,
    options?: WriteOptions,
  ): Promise<OperationResult>
  execute(
    endpoint: string,
    path: Path | string,
    args?: ExecuteArguments,
    options?: OperationOptions,
  ): Promise<OperationResult>
  /** `path` is the object, or the object instance with the id that it shall have. */
  create(
    endpoint: string,
    path: Path | string,
    value: WriteInput,
    options?: OperationOptions,
  ): Promise<OperationResult>
  delete(
    endpoint: string,
    path: Path | string,
    options?: OperationOptions,
  ): Promise<OperationResult>
  discover(
    endpoint: string,
    path: Path | string,
    options?: DiscoverOptions,
  ): Promise<OperationResult>
  writeAttributes(
    endpoint: string,
    path: Path | string,
    attributes: AttributeSet,
    options?: OperationOptions,
  ): Promise<OperationResult>
  readComposite(
    endpoint: string,
    paths: readonly (Path | string)[],
    options?: OperationOptions,
  ): Promise<OperationResult>
  writeComposite(
    endpoint: string,
    values: WriteInput,
    options?: OperationOptions,
  ): Promise<OperationResult>
}

/** Class `Operations` of `operations/operations.ts`, made with a ServerContext. */
export interface OperationsPart extends DeviceOperations {
  /**
   * Makes the result of a request that was queued before a restart.
   * @throws DeviceError, DecodeError, OperationError `unsupported` (an operation nobody knows)
   */
  interpret(
    request: DeviceRequest,
    response: CoapResponse,
    registration: Registration,
  ): OperationResult
}

/** Class `ObservationBroker` of `observations/observation-broker.ts`, made with a ServerContext. */
export interface ObservationPart {
  observe(request: ObserveRequest, listener: ObserveListener): Subscription
  /** A device registered (the reply is on its way: what the channel is given goes after it). */
  registered(registration: Registration, previous: Registration | undefined): void
  /** A registration came back with a restart; its relations may be adopted. */
  restored(registration: Registration): void
  updated(registration: Registration, change: RegistrationChange): void
  awake(registration: Registration): void
  /** De-registered, expired, or about to be replaced: its relations are no more. */
  gone(registration: Registration): void
  stop(): void
}

/** Class `SendHandler` of `send.ts`: answers `POST /dp` (Core §6.4.6). */
export interface SendPart {
  handle(request: CoapRequest, registration: Registration | undefined): CoapReply
}
