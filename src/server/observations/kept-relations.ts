import type { ServerWarning } from '../types'
import type { RelationStore, StoredRelation } from './relation-store'

/** Relations in the store: those from before a restart that nobody asked for yet, and the writing. */
export class KeptRelations {
  /** By endpoint, then by key. */
  private readonly unclaimed = new Map<string, Map<string, StoredRelation>>()
  private count = 0

  constructor(
    private readonly store: RelationStore | undefined,
    private readonly warn: (warning: ServerWarning) => void,
  ) {}

  /** How many nobody asked for yet. */
  get size(): number {
    return this.count
  }

  /** Reads what was kept; what belongs to a registration that is over is dropped. */
  async load(registrationId: (endpoint: string) => string | undefined): Promise<void> {
    if (this.store === undefined) return
    for await (const relation of this.store.list()) {
      const { endpoint, key } = relation
      if (registrationId(endpoint) !== relation.registrationId) {
        this.forget(endpoint, key)
        continue
      }
      let relations = this.unclaimed.get(endpoint)
      if (relations === undefined) this.unclaimed.set(endpoint, (relations = new Map()))
      relations.set(key, relation)
      this.count++
    }
  }

  /** Hands out a relation from before the restart, once. */
  take(endpoint: string, key: string): StoredRelation | undefined {
    const relations = this.unclaimed.get(endpoint)
    const relation = relations?.get(key)
    if (relation === undefined) return undefined
    relations?.delete(key)
    if (relations?.size === 0) this.unclaimed.delete(endpoint)
    this.count--
    return relation
  }

  takeAll(): StoredRelation[] {
    const all = [...this.unclaimed.values()].flatMap((relations) => [...relations.values()])
    this.clear()
    return all
  }

  /** The device registered anew, or is gone: what nobody asked for is over. */
  dropDevice(endpoint: string): void {
    for (const key of [...(this.unclaimed.get(endpoint)?.keys() ?? [])]) {
      this.take(endpoint, key)
      this.forget(endpoint, key)
    }
  }

  /** Forgets what was loaded, not what is kept. */
  clear(): void {
    this.unclaimed.clear()
    this.count = 0
  }

  /** Resolves when it is kept. A failure is a warning: the observation works, until a restart. */
  keep(relation: StoredRelation): Promise<void> | undefined {
    return this.store?.put(relation)?.catch((error: unknown) => this.failed(error))
  }

  forget(endpoint: string, key: string): void {
    this.store?.delete(endpoint, key)?.catch((error: unknown) => this.failed(error))
  }

  private failed(error: unknown): void {
    this.warn({
      code: 'store-failed',
      message: `an observation could not be kept: ${error instanceof Error ? error.message : String(error)}`,
    })
  }
}
