import { decodePlain } from '../../storage/plain-cbor'
import { hasProperties, RecordType } from '../../storage/record-type'
import type { Store } from '../../storage/store'
import type { ObservationStore, StoredObservation, StoredPathObservation } from '../observations/observation-store'

const RELATION = 'relation:'

/** Keeps observe relations: the token is what a notification after a restart is known by. */
export class ObservationJournal implements ObservationStore {
  constructor(private readonly store: Store) {}

  put(relation: StoredObservation): Promise<void> {
    return this.store.put(
      keyOf(relation.endpoint, relation.key),
      OBSERVATION_RECORD.encode(relation),
    )
  }

  delete(endpoint: string, key: string): Promise<void> {
    return this.store.delete(keyOf(endpoint, key))
  }

  async *list(): AsyncIterable<StoredObservation> {
    for await (const [, value] of this.store.list(RELATION)) {
      // One that cannot be read is made anew.
      const relation = OBSERVATION_RECORD.decode(value)
      if (relation !== undefined) yield relation
    }
  }
}

/** Before Observe-Composite could be replaced by one relation for each path. */
interface SingleObservation extends Omit<StoredObservation, 'wires' | 'left' | 'attributes'> {
  readonly token: Uint8Array
  readonly init: StoredPathObservation['init']
  readonly format: number | undefined
  /** First the names of attributes only. */
  readonly attributes: StoredObservation['attributes'] | readonly string[]
}

const OBSERVATION_RECORD = new RecordType<StoredObservation>({
  what: 'an observation',
  version: 2,
  unversioned(bytes) {
    const body = decodePlain(bytes)
    return { version: hasProperties(body, { wires: 'object' }) ? 2 : 1, body }
  },
  migrations: {
    1: ({ token, init, format, attributes, ...rest }: SingleObservation): StoredObservation => ({
      ...rest,
      wires: [{ path: rest.key.includes(',') ? '/' : rest.key, token, init, format }],
      left: [],
      // What was written under the names nobody knows: it stays on the device.
      attributes: Array.isArray(attributes) ? {} : (attributes as StoredObservation['attributes']),
    }),
  },
  isWhole(body): body is StoredObservation {
    return (
      hasProperties(body, {
        endpoint: 'string',
        registrationId: 'string',
        key: 'string',
        wires: 'object',
        left: 'object',
        attributes: 'object',
      }) &&
      (body as StoredObservation).wires.every(
        (wire) =>
          hasProperties(wire, { path: 'string', init: 'object' }) &&
          wire.token instanceof Uint8Array,
      )
    )
  },
})

/** Endpoint names have no control characters, so that nothing of one can be taken for the other. */
function keyOf(endpoint: string, key: string): string {
  return `${RELATION}${endpoint}\n${key}`
}
