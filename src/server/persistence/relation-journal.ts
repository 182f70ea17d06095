import type { Store } from '../../storage/store'
import type { RelationStore, StoredRelation } from '../observations/relation-store'
import { decodePlain, encodePlain } from './plain-cbor'

const RELATION = 'relation:'

/** Keeps observe relations: the token is what a notification after a restart is known by. */
export class RelationJournal implements RelationStore {
  constructor(private readonly store: Store) {}

  put(relation: StoredRelation): Promise<void> {
    return this.store.put(keyOf(relation.endpoint, relation.key), encodePlain(relation))
  }

  delete(endpoint: string, key: string): Promise<void> {
    return this.store.delete(keyOf(endpoint, key))
  }

  async *list(): AsyncIterable<StoredRelation> {
    for await (const [, value] of this.store.list(RELATION)) {
      try {
        yield decodePlain(value) as StoredRelation
      } catch {
        // Of a form that only another version reads: the observation is made anew.
      }
    }
  }
}

/** Endpoint names have no control characters, so that nothing of one can be taken for the other. */
function keyOf(endpoint: string, key: string): string {
  return `${RELATION}${endpoint}\n${key}`
}
