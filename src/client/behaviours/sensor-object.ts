import type { Path } from '../../lwm2m/path'
import type { ObjectTree, TreeListener } from '../tree/object-tree'
import type { Arguments, ObjectBehaviour } from './behaviour'
import { assign, offer } from './implement'

const MIN_MEASURED = 5601
const MAX_MEASURED = 5602
const RESET = 5605
const SENSOR_VALUE = 5700

/** Whether an object is an IPSO sensor with a measured value and its minimum and maximum. */
export function isSensor(tree: ObjectTree, objectId: number): boolean {
  const object = tree.object(objectId)
  return object?.resource(SENSOR_VALUE) !== undefined && object.resource(RESET) !== undefined
}

/** IPSO sensors (3303 Temperature, 3304 Humidity, …): minimum and maximum measured value. */
export class SensorBehaviour implements ObjectBehaviour, TreeListener {
  constructor(
    private readonly tree: ObjectTree,
    private readonly objectId: number,
  ) {}

  adopt(instance: Path): void {
    const resources = this.tree.place(instance)?.instance?.resources
    if (resources?.has(MIN_MEASURED) === true || resources?.has(MAX_MEASURED) === true) {
      offer(this.tree, instance, [RESET])
      this.reset(instance)
    }
  }

  execute(resource: Path, _args: Arguments): undefined {
    if (resource.resource === RESET) this.reset(resource.at(2))
  }

  onInstances(): void {}

  onValues(paths: readonly Path[]): void {
    for (const path of paths) {
      const own = path.prefix === '' && path.object === this.objectId
      if (own && path.resource === SENSOR_VALUE) this.measured(path.at(2))
    }
  }

  private reset(instance: Path): void {
    const now = this.tree.value(instance.child(SENSOR_VALUE))
    if (typeof now !== 'number') return
    for (const id of [MIN_MEASURED, MAX_MEASURED]) this.extreme(instance, id, () => true, now)
  }

  private measured(instance: Path): void {
    const now = this.tree.value(instance.child(SENSOR_VALUE))
    if (typeof now !== 'number') return
    this.extreme(instance, MIN_MEASURED, (least) => now < least, now)
    this.extreme(instance, MAX_MEASURED, (greatest) => now > greatest, now)
  }

  private extreme(
    instance: Path,
    id: number,
    isBeyond: (kept: number) => boolean,
    now: number,
  ): void {
    const path = instance.child(id)
    if (this.tree.place(path)?.resource === undefined) return
    const kept = this.tree.value(path)
    if (kept === now) return
    if (typeof kept !== 'number' || isBeyond(kept)) assign(this.tree, path, now)
  }
}
