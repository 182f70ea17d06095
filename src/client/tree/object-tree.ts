import type {
  ObjectDefinition,
  ObjectModel,
  ResourceDefinition,
} from '../../lwm2m/model/definition'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'
import { defaultObjectVersion } from '../../lwm2m/versions'
import type { Lwm2mVersion } from '../types'
import { Resource } from './resource'

/** One object instance. */
export class ObjectInstance {
  readonly resources = new Map<number, Resource>()

  /** @param builtin part of the device's description: kept when a bootstrap deletes everything */
  constructor(
    readonly id: number,
    readonly builtin: boolean,
  ) {}
}

/** One object with its instances. */
export class DeviceObject {
  /** Undefined if neither the description nor the model has one. */
  readonly version: string | undefined
  readonly instances = new Map<number, ObjectInstance>()
  /** Resources defined by the description, in addition to or instead of the model's. */
  readonly own = new Map<number, ResourceDefinition>()

  constructor(
    readonly id: number,
    readonly prefix: string,
    version: string | undefined,
    readonly definition: ObjectDefinition | undefined,
  ) {
    this.version = version ?? definition?.version
  }

  /** The version announced as `ver`: none if the LwM2M version implies it (Core §7.2.2). */
  announced(lwm2mVersion: Lwm2mVersion): string | undefined {
    return this.version === defaultObjectVersion(this.id, lwm2mVersion) ? undefined : this.version
  }

  get path(): Path {
    return new Path([this.id], this.prefix)
  }

  /** The definition of a resource, whether an instance has it or not. */
  resource(id: number): ResourceDefinition | undefined {
    return this.own.get(id) ?? this.definition?.resources.get(id)
  }

  /** Whether there may be several instances; true for an object without a model. */
  get multiple(): boolean {
    return this.definition?.multiple ?? true
  }

  /** Instances in order of id. */
  sorted(): ObjectInstance[] {
    return [...this.instances.values()].sort((a, b) => a.id - b.id)
  }

  freeInstanceId(): number {
    let id = 0
    while (this.instances.has(id)) id++
    return id
  }
}

/** The existing part of the tree that a path refers to. */
export interface Place {
  readonly object: DeviceObject
  readonly instance: ObjectInstance | undefined
  readonly resource: Resource | undefined
}

/** Reports changes: values at or below paths, or the set of objects and instances. */
export interface TreeListener {
  onValues(paths: readonly Path[]): void
  onInstances(): void
}

/**
 * The objects of the device, and of the end devices behind it (Gateway object 25) by their prefix.
 * It knows types but no access rights: those are checked by the operations.
 */
export class ObjectTree {
  private readonly byPrefix = new Map<string, Map<number, DeviceObject>>()
  private readonly listeners = new Set<TreeListener>()
  private changes: Path[] = []
  private instancesChanged = false
  private depth = 0

  constructor(readonly model: ObjectModel) {}

  listen(listener: TreeListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Runs `work` and reports all its changes to the listeners afterwards, at once. */
  batch<T>(work: () => T): T {
    this.depth++
    try {
      return work()
    } finally {
      this.depth--
      this.flush()
    }
  }

  private flush(): void {
    if (this.depth > 0) return
    const changes = this.changes
    const instances = this.instancesChanged
    this.changes = []
    this.instancesChanged = false
    if (instances) for (const listener of [...this.listeners]) listener.onInstances()
    if (changes.length > 0) for (const listener of [...this.listeners]) listener.onValues(changes)
  }

  private changed(path: Path): void {
    this.changes.push(path)
    this.flush()
  }

  /** Objects in order of prefix and id. */
  *objects(): Iterable<DeviceObject> {
    for (const prefix of [...this.byPrefix.keys()].sort()) {
      const objects = this.byPrefix.get(prefix) ?? new Map<number, DeviceObject>()
      for (const id of [...objects.keys()].sort((a, b) => a - b)) {
        yield objects.get(id) as DeviceObject
      }
    }
  }

  /** Whether there is an end device with this prefix; the device itself has the empty one. */
  hasPrefix(prefix: string): boolean {
    return this.byPrefix.has(prefix)
  }

  object(id: number, prefix = ''): DeviceObject | undefined {
    return this.byPrefix.get(prefix)?.get(id)
  }

  /** Adds an object without instances; an existing one is not changed. */
  addObject(id: number, prefix = '', version?: string): DeviceObject {
    let objects = this.byPrefix.get(prefix)
    if (objects === undefined) this.byPrefix.set(prefix, (objects = new Map()))
    let object = objects.get(id)
    if (object === undefined) {
      object = new DeviceObject(id, prefix, version, this.model.object(id, version))
      objects.set(id, object)
      this.instancesChanged = true
      this.flush()
    }
    return object
  }

  addInstance(object: DeviceObject, id: number, builtin = false): ObjectInstance {
    let instance = object.instances.get(id)
    if (instance === undefined) {
      instance = new ObjectInstance(id, builtin)
      object.instances.set(id, instance)
      this.instancesChanged = true
      this.changed(object.path.child(id))
    }
    return instance
  }

  /** Returns true if it existed. */
  deleteInstance(object: DeviceObject, id: number): boolean {
    if (!object.instances.delete(id)) return false
    this.instancesChanged = true
    this.changed(object.path.child(id))
    return true
  }

  /** The resource of an instance, created from its definition if necessary. */
  ensureResource(instance: ObjectInstance, definition: ResourceDefinition): Resource {
    let resource = instance.resources.get(definition.id)
    if (resource === undefined) {
      resource = new Resource(definition)
      instance.resources.set(definition.id, resource)
    }
    return resource
  }

  /** Replaces the value of a resource and calls the listeners. */
  replace(
    path: Path,
    resource: Resource,
    value: Value | ReadonlyMap<number, Value> | undefined,
  ): void {
    resource.replace(value)
    this.changed(path.at(Level.RESOURCE))
  }

  setResourceInstance(path: Path, resource: Resource, id: number, value: Value): void {
    resource.setInstance(id, value)
    this.changed(path.at(Level.RESOURCE))
  }

  /** Returns true if it existed. */
  deleteResourceInstance(path: Path, resource: Resource, id: number): boolean {
    if (!resource.deleteInstance(id)) return false
    this.changed(path.at(Level.RESOURCE))
    return true
  }

  /** Returns true if it existed. */
  removeResource(path: Path, instance: ObjectInstance, id: number): boolean {
    if (!instance.resources.delete(id)) return false
    this.changed(path.at(Level.RESOURCE))
    return true
  }

  /**
   * The existing part of the tree for a path of level 1 or more; undefined if there is no such
   * object.
   */
  place(path: Path): Place | undefined {
    const object = path.object === undefined ? undefined : this.object(path.object, path.prefix)
    if (object === undefined) return undefined
    const instance = path.instance === undefined ? undefined : object.instances.get(path.instance)
    const resource =
      path.resource === undefined ? undefined : instance?.resources.get(path.resource)
    return { object, instance, resource }
  }

  /** The value of a single resource or of a resource instance. */
  value(path: Path | string): Value | undefined {
    const at = Path.from(path)
    const resource = this.place(at)?.resource
    return at.resourceInstance === undefined
      ? resource?.scalar
      : resource?.instance(at.resourceInstance)
  }

  /** The type of a resource or resource instance, for codecs. */
  definition(path: Path): ResourceDefinition | undefined {
    if (path.object === undefined || path.resource === undefined) return undefined
    const object = this.object(path.object, path.prefix)
    return object === undefined
      ? this.model.object(path.object)?.resources.get(path.resource)
      : object.resource(path.resource)
  }

  /** All values at or below a path, in order of id, of the resources accepted by `wanted`. */
  records(path: Path, wanted: (resource: Resource, path: Path) => boolean = () => true): Record[] {
    const records: Record[] = []
    for (const object of this.objectsUnder(path)) {
      for (const instance of object.sorted()) {
        if (path.instance !== undefined && path.instance !== instance.id) continue
        const at = object.path.child(instance.id)
        for (const id of [...instance.resources.keys()].sort((a, b) => a - b)) {
          if (path.resource !== undefined && path.resource !== id) continue
          const resource = instance.resources.get(id) as Resource
          const resourcePath = at.child(id)
          if (resource.executable || !wanted(resource, resourcePath)) continue
          for (const record of resource.records(resourcePath)) {
            if (path.contains(record.path)) records.push(record)
          }
        }
      }
    }
    return records
  }

  private objectsUnder(path: Path): Iterable<DeviceObject> {
    if (path.object === undefined) {
      return [...this.objects()].filter((object) => object.prefix === path.prefix)
    }
    const object = this.object(path.object, path.prefix)
    return object === undefined ? [] : [object]
  }
}
