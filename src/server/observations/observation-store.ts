import type { AttributeSet } from '../../lwm2m/attributes'
import type { DeviceRequestInit } from '../operations/device-request'

/** One observe relation, as it must be known after a restart to go on. */
export interface StoredPathObservation {
  /** What its answers are about; the root of a composite observation. */
  readonly path: string
  readonly token: Uint8Array
  readonly init: DeviceRequestInit
  /** Content-Format of the first answer. */
  readonly format: number | undefined
}

/** An observation as it is kept. */
export interface StoredObservation {
  readonly endpoint: string
  /** Of the registration it was made under: ends with it. */
  readonly registrationId: string
  /** What is observed: paths joined by a comma. Unique within an endpoint. */
  readonly key: string
  /** One; or several, where the device has no Observe-Composite. */
  readonly observations: readonly StoredPathObservation[]
  /** Paths still to be observed one by one, where the device has no Observe-Composite. */
  readonly left: readonly string[]
  /** The attributes written to the device for it, to be unset at its end. */
  readonly attributes: AttributeSet
}

/**
 * Where observations are kept over a restart. A method that has nothing to wait for returns
 * undefined; a promise that resolved means kept. A failure rejects: it is reported as a warning.
 */
export interface ObservationStore {
  /** Adds, or replaces the one of the same endpoint and key. */
  put(observation: StoredObservation): Promise<void> | undefined
  delete(endpoint: string, key: string): Promise<void> | undefined
  /** All that is kept; read once at the start. */
  list(): AsyncIterable<StoredObservation>
}
