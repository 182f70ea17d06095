import { TypedEmitter } from '../base/events'
import { ClientError } from './errors'
import type { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Value } from '../lwm2m/value'
import type {
  ClientRegistration,
  ClientState,
  InputValue,
  InstanceDescription,
  Lwm2mClientEvents,
  Lwm2mClientOptions,
  SendResult,
} from './types'

/**
 * An LwM2M client: a simulated device, or a gateway for things that speak something else. It
 * registers, bootstraps, answers a server's operations and notifies.
 */
export class Lwm2mClient extends TypedEmitter<Lwm2mClientEvents> {
  /** @throws ClientError `invalid-description`, `invalid-argument` */
  constructor(readonly options: Lwm2mClientOptions) {
    super()
  }

  get state(): ClientState {
    return 'stopped'
  }

  /** The registrations that stand now: one per server account. */
  get registrations(): readonly ClientRegistration[] {
    return []
  }

  /** Binds and begins to register (or bootstrap), which goes on by itself. @throws BindError */
  start(): Promise<void> {
    return Promise.reject(new ClientError('not-running', 'being built'))
  }

  /** De-registers (at most `timeout` ms, best effort) and frees the socket. Idempotent. */
  stop(_options?: { timeout?: number; deregister?: boolean }): Promise<void> {
    return Promise.resolve()
  }

  /**
   * Sets a value from the outside world. A resource instance, a resource (an array or object by id
   * for a multiple one) or a whole instance (an object by resource id).
   * @throws ClientError `unknown-path` @throws ValueError
   */
  set(
    _path: Path | string,
    _value: InputValue | readonly InputValue[] | InstanceDescription,
  ): void {
    throw new ClientError('not-running', 'being built')
  }

  /** A resource's value; undefined where there is none, a map by instance id for a multiple one. */
  get(_path: Path | string): Value | ReadonlyMap<number, Value> | undefined {
    return undefined
  }

  /** All values at or below a path. */
  records(_path: Path | string): Record[] {
    return []
  }

  /** Adds an instance (and the object, when new); an Update tells the servers. */
  createInstance(_path: Path | string, _resources: InstanceDescription): void {
    throw new ClientError('not-running', 'being built')
  }

  /** @throws ClientError `unknown-path` */
  deleteInstance(_path: Path | string): void {
    throw new ClientError('not-running', 'being built')
  }

  /**
   * LwM2M Send (Core §6.4.6): the current values of paths, or records with values (and times).
   * @throws ClientError `not-registered`, `muted`, `unknown-path` @throws ServerRejected
   */
  send(_what: readonly (Path | string | Record)[]): Promise<SendResult[]> {
    return Promise.reject(new ClientError('not-registered', 'being built'))
  }

  /** Sends a registration Update now; wakes a sleeping device; registers again when it must. */
  update(): Promise<void> {
    return Promise.reject(new ClientError('not-running', 'being built'))
  }

  /** Puts a queue-mode device to sleep at once. */
  sleep(): void {}
}
