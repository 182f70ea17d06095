import type { DeviceRequest } from '../channel/device-request'

/** An observe relation as it is kept: what `CoapEndpoint.adopt` needs to continue it. */
export interface StoredRelation {
  readonly endpoint: string
  /** The broker's key of the relation: unique within the endpoint. */
  readonly key: string
  readonly token: Uint8Array
  readonly request: DeviceRequest
}

/**
 * Keeps observe relations over a restart. Without a durable store everything resolves at once and
 * {@link list} is empty. Relations of an endpoint are dropped with its registration.
 */
export interface RelationStore {
  /** Resolves when it is kept. */
  put(relation: StoredRelation): Promise<void>
  delete(endpoint: string, key: string): Promise<void>
  /** Those of one endpoint that were there at the start and were neither deleted nor replaced since. */
  list(endpoint: string): readonly StoredRelation[]
}
