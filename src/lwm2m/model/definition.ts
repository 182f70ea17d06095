import type { ResourceType } from '../value'

/** What may be done to a resource: readable, writable, executable; none for bootstrap-only ones. */
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
  /** Range or enumeration, as the registry writes it. */
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
   * Resources left out because the known major versions disagree on their type: present only in the
   * answer for a version of which nobody knows the major version.
   */
  readonly ambiguous?: ReadonlySet<number>
}

/** Looks definitions up; see `object-model.ts`. */
export interface ObjectModel {
  /**
   * The definition of an object in a version; without `version`, the newest known. An unknown
   * version answers the best match: of the same major version the nearest minor one; else the newest
   * without the resources whose type differs between the known major versions.
   */
  object(id: number, version?: string): ObjectDefinition | undefined
  /** All versions of all objects. */
  objects(): Iterable<ObjectDefinition>
}
