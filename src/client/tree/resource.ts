import type { ResourceDefinition } from '../../lwm2m/model/definition'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'
import type { Signal } from '../signal'

/** A resource of an instance: one value, or values by resource instance id when it is multiple. */
export class Resource {
  private single: Value | undefined
  private readonly many: Map<number, Value> | undefined
  /** Generates the value, if set. */
  signal: Signal | undefined

  constructor(readonly definition: ResourceDefinition) {
    this.many = definition.multiple ? new Map() : undefined
  }

  get id(): number {
    return this.definition.id
  }

  get multiple(): boolean {
    return this.many !== undefined
  }

  get executable(): boolean {
    return this.definition.operations === 'E'
  }

  get readable(): boolean {
    return this.definition.operations.includes('R')
  }

  get writable(): boolean {
    return this.definition.operations.includes('W')
  }

  /** The value; for a multiple resource a map in order of id, which may be empty. */
  get value(): Value | ReadonlyMap<number, Value> | undefined {
    return this.many ?? this.single
  }

  /** The value of a single resource. */
  get scalar(): Value | undefined {
    return this.single
  }

  /** Number of resource instances; 0 or 1 for a single resource. */
  get size(): number {
    return this.many?.size ?? (this.single === undefined ? 0 : 1)
  }

  instance(id: number): Value | undefined {
    return this.many?.get(id)
  }

  /** Replaces the value; for a multiple resource, all instances. */
  replace(value: Value | ReadonlyMap<number, Value> | undefined): void {
    if (this.many === undefined) {
      this.single = value instanceof Map ? undefined : (value as Value | undefined)
      return
    }
    this.many.clear()
    if (!(value instanceof Map)) return
    for (const [id, one] of [...value].sort(([a], [b]) => a - b)) this.many.set(id, one as Value)
  }

  setInstance(id: number, value: Value): void {
    if (this.many === undefined) return
    const known = this.many.has(id)
    this.many.set(id, value)
    if (!known) this.replace(new Map(this.many))
  }

  deleteInstance(id: number): boolean {
    return this.many?.delete(id) ?? false
  }

  /** Its values as records; `path` is the resource's own. */
  records(path: Path): Record[] {
    if (this.many === undefined) {
      return this.single === undefined ? [] : [{ path, value: this.single }]
    }
    return [...this.many].map(([id, value]) => ({ path: path.child(id), value }))
  }
}
