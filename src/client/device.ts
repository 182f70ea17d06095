import type { Scheduler, Timer } from '../base/scheduler'
import { formatLinks } from '../lwm2m/link-format'
import type { ObjectModel } from '../lwm2m/model/definition'
import { builtinModel } from '../lwm2m/model/object-model'
import { ObjectId } from '../lwm2m/objects/object-id'
import type { Path } from '../lwm2m/path'
import { Level } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Value } from '../lwm2m/value'
import { defaultObjectVersion } from '../lwm2m/versions'
import { Behaviours, type ObjectBehaviour } from './behaviours/behaviour'
import { DeviceObjectBehaviour } from './behaviours/device-object'
import { FirmwareObjectBehaviour, type PackageFetch } from './behaviours/firmware-object'
import { SensorBehaviour, isSensor } from './behaviours/sensor-object'
import { ServerObjectBehaviour, type ServerActions } from './behaviours/server-object'
import { seedAccounts } from './bootstrap/seed'
import { bootstrapAccount, HIDDEN_OBJECTS } from './accounts'
import { defaultDescription } from './description'
import { ClientError } from './errors'
import { sameValue } from '../lwm2m/values'
import type { Signal } from './signal'
import {
  addDescription,
  addInstance,
  setResource,
  setResourceInstance,
  setResources,
} from './tree/build'
import { ObjectTree } from './tree/object-tree'
import type { Resource } from './tree/resource'
import type { InputValue, InstanceDescription, Lwm2mClientOptions, ResourceInput } from './types'

/** Objects whose version follows from the LwM2M version (Core §7.2.2). */
const CORE: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7, 21, 23])

/** Actions that the device requests from its client. */
export interface DeviceActions extends ServerActions {
  /** Restarts; with `factory`, also removes what a bootstrap configured. */
  restart(factory: boolean): void
  readonly fetch: PackageFetch
}

/** The simulated device itself: its objects, their behaviour, and its signals. */
export class VirtualDevice {
  readonly tree: ObjectTree
  readonly behaviours = new Behaviours()
  private readonly clock: Scheduler
  private readonly timers = new Map<Resource, Timer>()
  private readonly firmware: FirmwareObjectBehaviour
  private startedAt = 0
  private running = false

  /** @throws ClientError `invalid-description`, `invalid-argument` */
  constructor(options: Lwm2mClientOptions, clock: Scheduler, actions: DeviceActions) {
    const model: ObjectModel = options.model ?? builtinModel()
    this.clock = clock
    this.tree = new ObjectTree(model)
    const version = options.version ?? '1.1'
    const versionOf = (id: number): string | undefined =>
      CORE.has(id) ? defaultObjectVersion(id, version) : undefined
    const description = options.objects ?? defaultDescription(options.endpoint)
    addDescription(this.tree, description, versionOf)
    if (
      options.firmware !== undefined &&
      this.tree.object(ObjectId.FIRMWARE_UPDATE) === undefined
    ) {
      addDescription(this.tree, { [ObjectId.FIRMWARE_UPDATE]: { 0: {} } }, versionOf)
    }
    this.describeGateway(description.gateway ?? {})
    seedAccounts(this.tree, options, versionOf)
    this.firmware = new FirmwareObjectBehaviour(
      this.tree,
      clock,
      options.firmware ?? {},
      actions.fetch,
      () => actions.restart(false),
    )
    this.addBehaviours(actions)
  }

  /** Starts the signals. */
  start(): void {
    if (this.running) return
    this.running = true
    this.startedAt = this.clock.monotonic()
    for (const object of this.tree.objects()) {
      for (const instance of object.sorted()) this.animate(object.path.child(instance.id))
    }
  }

  /** Stops the signals and cancels all timers. */
  stop(): void {
    this.running = false
    for (const timer of this.timers.values()) this.clock.cancel(timer)
    this.timers.clear()
    this.firmware.close()
  }

  /** A new instance: starts its behaviour and its signals. */
  adopt(instance: Path): void {
    for (const behaviour of this.behaviours.of(instance)) behaviour.adopt?.(instance)
    if (this.running) this.animate(instance)
  }

  /**
   * Sets a value of a resource instance, of a resource (an array, or an object by id, for a
   * multiple one), or of several resources of an instance. Ends a signal of the resource.
   * @throws ClientError `unknown-path`, `invalid-description`; ValueError
   */
  set(at: Path, value: ResourceInput | InstanceDescription): void {
    const { tree } = this
    const { object, instance } = tree.place(at) ?? {}
    if (object === undefined || instance === undefined) throw notThere(at)
    tree.batch(() => {
      if (at.level === Level.RESOURCE_INSTANCE) {
        setResourceInstance(tree, at, value as InputValue)
      } else if (at.level === Level.RESOURCE) {
        setResource(tree, at, instance, object, value as ResourceInput)
      } else {
        setResources(tree, at, instance, object, value as InstanceDescription)
      }
    })
    if (this.running) this.animate(at.at(Level.INSTANCE))
  }

  /** A resource's value; undefined if it has none, a map by instance id for a multiple resource. */
  get(at: Path): Value | ReadonlyMap<number, Value> | undefined {
    if (isHidden(at)) return undefined
    this.behaviours.refresh(at)
    if (at.level === Level.RESOURCE_INSTANCE) return this.tree.value(at)
    return this.tree.place(at)?.resource?.value
  }

  /** All values at or below a path, except credentials. */
  records(at: Path): Record[] {
    this.behaviours.refresh(at)
    return this.tree.records(at).filter((record) => !isHidden(record.path))
  }

  /**
   * @throws ClientError `invalid-argument` if it already exists, `invalid-description`; ValueError
   */
  createInstance(at: Path, resources: InstanceDescription): void {
    const { tree } = this
    if (at.level !== Level.INSTANCE || isHidden(at)) {
      throw new ClientError('invalid-argument', `${at.toString()} is not an object instance`)
    }
    if (tree.place(at)?.instance !== undefined) {
      throw new ClientError('invalid-argument', `${at.toString()} exists already`)
    }
    const object = tree.addObject(at.object as number, at.prefix)
    if (!object.multiple && object.instances.size > 0) {
      throw new ClientError('invalid-argument', `object ${object.id} has only one instance`)
    }
    addInstance(tree, object, at.instance as number, resources, true)
    this.adopt(at)
  }

  /** @throws ClientError `unknown-path` */
  deleteInstance(at: Path): void {
    const place = this.tree.place(at)
    if (at.level !== Level.INSTANCE || place?.instance === undefined) throw notThere(at)
    this.tree.deleteInstance(place.object, place.instance.id)
  }

  private addBehaviours(actions: DeviceActions): void {
    const { tree, clock } = this
    const list: [number, ObjectBehaviour][] = [
      [1, new ServerObjectBehaviour(tree, actions, () => bootstrapAccount(tree) !== undefined)],
      [
        ObjectId.DEVICE,
        new DeviceObjectBehaviour(tree, clock, (factory) => actions.restart(factory)),
      ],
      [ObjectId.FIRMWARE_UPDATE, this.firmware],
    ]
    for (const object of tree.objects()) {
      if (object.prefix === '' && isSensor(tree, object.id)) {
        const sensor = new SensorBehaviour(tree, object.id)
        tree.listen(sensor)
        list.push([object.id, sensor])
      }
    }
    for (const [id, behaviour] of list) this.behaviours.add(id, behaviour)
    for (const object of [...tree.objects()]) {
      for (const instance of object.sorted()) this.adopt(object.path.child(instance.id))
    }
  }

  /** Object 25: one instance per end device, with its prefix and its objects. */
  private describeGateway(devices: { readonly [prefix: string]: unknown }): void {
    const prefixes = Object.keys(devices)
    if (prefixes.length === 0 || this.tree.object(ObjectId.GATEWAY) !== undefined) return
    const gateway = this.tree.addObject(ObjectId.GATEWAY)
    prefixes.forEach((prefix, index) => {
      const links = [...this.tree.objects()]
        .filter((object) => object.prefix === prefix)
        .flatMap((object) =>
          object.sorted().map((instance) => ({ target: `/${object.id}/${instance.id}` })),
        )
      addInstance(this.tree, gateway, index, { 0: prefix, 1: prefix, 3: formatLinks(links) }, true)
    })
  }

  private animate(instance: Path): void {
    for (const resource of this.tree.place(instance)?.instance?.resources.values() ?? []) {
      const { signal } = resource
      if (signal !== undefined && !this.timers.has(resource)) {
        this.tick(instance.child(resource.id), resource, signal)
      }
    }
  }

  private tick(path: Path, resource: Resource, signal: Signal): void {
    const elapsed = this.clock.monotonic() - this.startedAt
    const timer = this.clock.after(signal.interval - (elapsed % signal.interval), () => {
      this.timers.delete(resource)
      // Set by the caller or deleted: the signal has ended.
      if (resource.signal !== signal || this.tree.place(path)?.resource !== resource) return
      const value = signal.at(this.clock.monotonic() - this.startedAt)
      this.tick(path, resource, signal)
      if (!sameValue(resource.scalar, value)) this.tree.replace(path, resource, value)
    })
    this.timers.set(resource, timer)
  }
}

/** Objects that contain keys. */
function isHidden(path: Path): boolean {
  return path.prefix === '' && path.object !== undefined && HIDDEN_OBJECTS.has(path.object)
}

function notThere(path: Path): ClientError {
  return new ClientError('unknown-path', `${path.toString()} does not exist`)
}
