import type { ResourceType } from '../value'

/** Operations of a resource: readable, writable, executable; empty for bootstrap-only ones. */
export type ResourceOperations = '' | 'R' | 'W' | 'RW' | 'E'

/** One resource of an object definition (OMA registry). */
export interface ResourceDefinition {
  readonly id: number
  readonly name: string
  readonly type: ResourceType
  readonly operations: ResourceOperations
  readonly multiple: boolean
  readonly mandatory: boolean
  readonly units?: string
  /** Range or enumeration, as written in the registry. */
  readonly range?: string
}

/** One version of an object definition. */
export interface ObjectDefinition {
  readonly id: number
  readonly name: string
  /** `'1.0'`, `'1.1'`, … */
  readonly version: string
  readonly urn: string
  readonly multiple: boolean
  readonly mandatory: boolean
  readonly resources: ReadonlyMap<number, ResourceDefinition>
  /**
   * Resources omitted because the known major versions disagree on their type: set only if the
   * requested major version is unknown.
   */
  readonly ambiguous?: ReadonlySet<number>
}

/** Looks up definitions; see `object-model.ts`. */
export interface ObjectModel {
  /**
   * The definition of an object in a version; without `version`, the newest known one. For an
   * unknown version, the best match: the nearest minor version of the same major version; else the
   * newest without the resources whose type differs between the known major versions.
   */
  object(id: number, version?: string): ObjectDefinition | undefined
  /** All versions of all objects. */
  objects(): Iterable<ObjectDefinition>
}
