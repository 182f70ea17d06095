import { TypedEmitter } from '../base/events'
import type { AttributeSet } from '../lwm2m/attributes'
import type { Path } from '../lwm2m/path'
import type { OperationInputs, OperationName } from './operations'
import type {
  ExecuteArguments,
  Lwm2mServerEvents,
  OperationOptions,
  OperationResult,
  WriteInput,
} from './types'

/** A path as text (`'/3/0/9'`) or parsed. */
export type PathLike = Path | string

/** The device management interface (Core §6.3) as one method for each operation. */
export abstract class DeviceManagement extends TypedEmitter<Lwm2mServerEvents> {
  /** Any operation by its name. */
  abstract perform<N extends OperationName>(
    name: N,
    endpoint: string,
    input: OperationInputs[N],
    options?: OperationOptions,
  ): Promise<OperationResult>

  /** Reads an object, an instance, a resource or (1.1) a resource instance; Core §6.3.1. */
  read(endpoint: string, path: PathLike, options?: OperationOptions): Promise<OperationResult> {
    return this.perform('read', endpoint, { path }, options)
  }

  /** Core §6.3.2. `depth` 0 to 3 for devices of 1.2. */
  discover(
    endpoint: string,
    path: PathLike,
    options?: OperationOptions & { readonly depth?: number },
  ): Promise<OperationResult> {
    return this.perform('discover', endpoint, { path, depth: options?.depth }, options)
  }

  /**
   * Core §6.3.3. `mode` `replace` (PUT) or `update` (POST, partial). Default: `update` for an
   * instance, so that resources that are not named stay; `replace` for a resource.
   */
  write(
    endpoint: string,
    path: PathLike,
    value: WriteInput,
    options?: OperationOptions & { readonly mode?: 'replace' | 'update' },
  ): Promise<OperationResult> {
    return this.perform('write', endpoint, { path, value, mode: options?.mode }, options)
  }

  /** Core §6.3.4: sets attributes, and unsets those given as `null`. */
  writeAttributes(
    endpoint: string,
    path: PathLike,
    attributes: AttributeSet,
    options?: OperationOptions,
  ): Promise<OperationResult> {
    return this.perform('write-attributes', endpoint, { path, attributes }, options)
  }

  /** Core §6.3.5. */
  execute(
    endpoint: string,
    path: PathLike,
    args?: ExecuteArguments,
    options?: OperationOptions,
  ): Promise<OperationResult> {
    return this.perform('execute', endpoint, { path, arguments: args }, options)
  }

  /**
   * Core §6.3.6. `path` is the object (the device chooses the instance id, see `result.location`) or
   * the instance to create.
   */
  create(
    endpoint: string,
    path: PathLike,
    value: WriteInput = {},
    options?: OperationOptions,
  ): Promise<OperationResult> {
    return this.perform('create', endpoint, { path, value }, options)
  }

  /** Core §6.3.7: an instance, or (1.2) a resource instance. */
  delete(endpoint: string, path: PathLike, options?: OperationOptions): Promise<OperationResult> {
    return this.perform('delete', endpoint, { path }, options)
  }

  /** Core §6.3.8 (1.1). Paths of any level; what the device left out is in `result.missing`. */
  readComposite(
    endpoint: string,
    paths: readonly PathLike[],
    options?: OperationOptions,
  ): Promise<OperationResult> {
    return this.perform('read-composite', endpoint, { paths }, options)
  }

  /** Core §6.3.9 (1.1): all or nothing. Values by path; `null` deletes (1.2, SenML-ETCH). */
  writeComposite(
    endpoint: string,
    values: OperationInputs['write-composite']['values'],
    options?: OperationOptions,
  ): Promise<OperationResult> {
    return this.perform('write-composite', endpoint, { values }, options)
  }
}
