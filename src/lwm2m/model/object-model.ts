import type { ResourceType } from '../value'
import { compareVersions, parseVersion } from '../versions'
import type {
  ObjectDefinition,
  ObjectModel,
  ResourceDefinition,
  ResourceOperations,
} from './definition'
import omaObjects from './oma-objects.json'

/** The definitions of one object, newest version first. */
class Versions {
  private readonly known: ObjectDefinition[] = []
  /** Cached best matches: there is a lookup per record. */
  private readonly matches = new Map<string, ObjectDefinition>()

  add(definition: ObjectDefinition): void {
    const same = this.known.findIndex(({ version }) => version === definition.version)
    if (same >= 0) this.known.splice(same, 1)
    this.known.push(definition)
    this.known.sort((a, b) => compareVersions(b.version, a.version))
    this.matches.clear()
  }

  all(): readonly ObjectDefinition[] {
    return this.known
  }

  /**
   * The same version, else the nearest minor version of the same major version, else the resources
   * on which all agree.
   */
  find(version: string | undefined): ObjectDefinition | undefined {
    const [newest] = this.known
    if (version === undefined || newest === undefined) return newest
    let found = this.matches.get(version)
    if (found === undefined) {
      found = this.bestMatch(version) ?? this.agreed(newest)
      // Versions are named by devices: limited.
      if (this.matches.size < 64) this.matches.set(version, found)
    }
    return found
  }

  private bestMatch(version: string): ObjectDefinition | undefined {
    const wanted = parseVersion(version)
    if (wanted === undefined) return undefined
    let best: ObjectDefinition | undefined
    let distance = Infinity
    for (const definition of this.known) {
      const [major, minor] = parseVersion(definition.version) ?? [-1, -1]
      const away = Math.abs(minor - wanted[1])
      if (major === wanted[0] && away < distance) [best, distance] = [definition, away]
    }
    return best
  }

  /** The newest definition without the resources that have another type in another version. */
  private agreed(newest: ObjectDefinition): ObjectDefinition {
    const ambiguous = new Set<number>()
    for (const { id, type } of newest.resources.values()) {
      const differs = ({ resources }: ObjectDefinition): boolean =>
        (resources.get(id)?.type ?? type) !== type
      if (this.known.some(differs)) ambiguous.add(id)
    }
    if (ambiguous.size === 0) return newest
    const resources = new Map([...newest.resources].filter(([id]) => !ambiguous.has(id)))
    return { ...newest, resources, ambiguous }
  }
}

/** Definitions in memory: the user's override the built-in ones, several versions per object. */
export class DefinitionModel implements ObjectModel {
  private readonly byId = new Map<number, Versions>()

  /** Later definitions replace earlier ones of the same object and version. */
  constructor(definitions: Iterable<ObjectDefinition> = []) {
    for (const definition of definitions) this.add(definition)
  }

  add(definition: ObjectDefinition): void {
    let versions = this.byId.get(definition.id)
    if (versions === undefined) this.byId.set(definition.id, (versions = new Versions()))
    versions.add(definition)
  }

  object(id: number, version?: string): ObjectDefinition | undefined {
    return this.byId.get(id)?.find(version)
  }

  *objects(): Iterable<ObjectDefinition> {
    for (const versions of this.byId.values()) yield* versions.all()
  }
}

/** A resource in `oma-objects.json`. */
interface RegistryResource {
  readonly id: number
  readonly name: string
  readonly type: string
  readonly operations: string
  readonly multiple?: boolean
  readonly mandatory?: boolean
  readonly units?: string
  readonly range?: string
}

/** An object in `oma-objects.json`. */
interface RegistryObject {
  readonly id: number
  readonly name: string
  readonly version: string
  readonly urn: string
  readonly multiple?: boolean
  readonly mandatory?: boolean
  readonly resources: readonly RegistryResource[]
}

function resourceOf(entry: RegistryResource): ResourceDefinition {
  return {
    ...entry,
    type: entry.type as ResourceType,
    operations: entry.operations as ResourceOperations,
    multiple: entry.multiple === true,
    mandatory: entry.mandatory === true,
  }
}

function definitionOf(entry: RegistryObject): ObjectDefinition {
  return {
    ...entry,
    multiple: entry.multiple === true,
    mandatory: entry.mandatory === true,
    resources: new Map(entry.resources.map((resource) => [resource.id, resourceOf(resource)])),
  }
}

let registry: readonly ObjectDefinition[] | undefined

/** The definitions of the OMA registry, read once. */
export function registryDefinitions(): readonly ObjectDefinition[] {
  registry ??= (omaObjects as readonly RegistryObject[]).map(definitionOf)
  return registry
}

let builtin: ObjectModel | undefined

/** The built-in model: only the OMA registry. */
export function builtinModel(): ObjectModel {
  builtin ??= new DefinitionModel(registryDefinitions())
  return builtin
}

/** The built-in model, overridden by the user's definitions. */
export function modelWith(definitions: Iterable<ObjectDefinition>): ObjectModel {
  return new DefinitionModel([...registryDefinitions(), ...definitions])
}
