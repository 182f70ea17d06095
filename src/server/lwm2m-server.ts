import { TypedEmitter } from '../base/events'
import type { AttributeSet } from '../lwm2m/attributes'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { Path } from '../lwm2m/path'
import type { BoundAddress } from '../transport/transport'
import type { QueuedRequest } from './channel/pending-request'
import type { Lwm2mServerOptions } from './options'
import type { RegistrationRegistry } from './registration/registration-registry'
import type {
  ExecuteArguments,
  Lwm2mServerEvents,
  ObserveListener,
  ObserveRequest,
  OperationOptions,
  OperationResult,
  Subscription,
  WriteInput,
} from './types'

/** The addresses a running server is bound to. */
export interface ServerAddresses {
  readonly coap: BoundAddress | undefined
  readonly coaps: BoundAddress | undefined
}

/** An LwM2M server: the composition root of everything below `src/server/`. */
export declare class Lwm2mServer extends TypedEmitter<Lwm2mServerEvents> {
  constructor(options?: Lwm2mServerOptions)

  /** Opens the store, restores what it holds, binds. @throws BindError, StoreError */
  start(): Promise<ServerAddresses>
  /** Ends pending requests (`cancelled`), frees the ports, closes the store. Idempotent. */
  stop(): Promise<void>
  readonly running: boolean
  readonly addresses: ServerAddresses
  readonly registrations: RegistrationRegistry
  /** The object model in use; may be replaced at run time. */
  model: ObjectModel

  read(endpoint: string, path: Path | string, options?: OperationOptions): Promise<OperationResult>
  write(
    endpoint: string,
    path: Path | string,
    value: WriteInput,
    options?: OperationOptions & { readonly mode?: 'replace' | 'update' },
  ): Promise<OperationResult>
  execute(
    endpoint: string,
    path: Path | string,
    args?: ExecuteArguments,
    options?: OperationOptions,
  ): Promise<OperationResult>
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
    options?: OperationOptions & { readonly depth?: number },
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
  observe(request: ObserveRequest, listener: ObserveListener): Subscription

  /** Requests that wait for a device, oldest first. */
  queued(endpoint: string): readonly QueuedRequest[]
  /** Cancels waiting requests: one by its id, or all. Answers how many. */
  cancelQueued(endpoint: string, id?: string): number
  /** Sets (kept over restarts) or with `undefined` unsets the awake window of an endpoint or pattern, ms. */
  setAwakeWindow(pattern: string, ms: number | undefined): Promise<void>
}
