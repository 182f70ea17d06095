import { decodePlain } from '../../storage/plain-cbor'
import { hasProperties, RecordType } from '../../storage/record-type'
import type { Store } from '../../storage/store'
import type {
  ObservationStore,
  StoredObservation,
  StoredPathObservation,
} from '../observations/observation-store'

/** The prefix of the keys; as the name `wires`, it is part of the stored form. */
const PREFIX = 'relation:'

/** An observation as it stands in the store. */
interface ObservationRecord extends Omit<StoredObservation, 'observations'> {
  readonly wires: StoredObservation['observations']
}

/** Keeps observations: the token is what a notification after a restart is known by. */
export class ObservationJournal implements ObservationStore {
  constructor(private readonly store: Store) {}

  put(observation: StoredObservation): Promise<void> {
    const { endpoint, registrationId, key, observations, left, attributes } = observation
    const record = { endpoint, registrationId, key, wires: observations, left, attributes }
    return this.store.put(keyOf(endpoint, key), OBSERVATION_RECORD.encode(record))
  }

  delete(endpoint: string, key: string): Promise<void> {
    return this.store.delete(keyOf(endpoint, key))
  }

  async *list(): AsyncIterable<StoredObservation> {
    for await (const [, value] of this.store.list(PREFIX)) {
      // One that cannot be read is made anew.
      const record = OBSERVATION_RECORD.decode(value)
      if (record === undefined) continue
      const { wires, ...rest } = record
      yield { ...rest, observations: wires }
    }
  }
}

/** Before Observe-Composite could be replaced by one observation for each path. */
interface SingleObservation extends Omit<ObservationRecord, 'wires' | 'left' | 'attributes'> {
  readonly token: Uint8Array
  readonly init: StoredPathObservation['init']
  readonly format: number | undefined
  /** First the names of attributes only. */
  readonly attributes: StoredObservation['attributes'] | readonly string[]
}

const OBSERVATION_RECORD = new RecordType<ObservationRecord>({
  what: 'an observation',
  version: 2,
  unversioned(bytes) {
    const body = decodePlain(bytes)
    return { version: hasProperties(body, { wires: 'object' }) ? 2 : 1, body }
  },
  migrations: {
    1: ({ token, init, format, attributes, ...rest }: SingleObservation): ObservationRecord => ({
      ...rest,
      wires: [{ path: rest.key.includes(',') ? '/' : rest.key, token, init, format }],
      left: [],
      // What was written under the names nobody knows: it stays on the device.
      attributes: Array.isArray(attributes) ? {} : (attributes as StoredObservation['attributes']),
    }),
  },
  isWhole(body): body is ObservationRecord {
    return (
      hasProperties(body, {
        endpoint: 'string',
        registrationId: 'string',
        key: 'string',
        wires: 'object',
        left: 'object',
        attributes: 'object',
      }) &&
      (body as ObservationRecord).wires.every(
        (wire) =>
          hasProperties(wire, { path: 'string', init: 'object' }) &&
          wire.token instanceof Uint8Array,
      )
    )
  },
})

/** Endpoint names have no control characters, so that nothing of one can be taken for the other. */
function keyOf(endpoint: string, key: string): string {
  return `${PREFIX}${endpoint}\n${key}`
}
