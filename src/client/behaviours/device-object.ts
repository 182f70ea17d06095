import type { Clock } from '../../base/clock'
import { Code } from '../../coap/codes'
import { DeviceResource } from '../../lwm2m/objects/device'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Refusal } from '../operations/refusal'
import type { ObjectTree } from '../tree/object-tree'
import type { Arguments, ObjectBehaviour } from './behaviour'
import { offer } from './implement'

/** Object 3, Device: its clock, reboot, factory reset and error codes. */
export class DeviceObjectBehaviour implements ObjectBehaviour {
  /** Offset of the device's clock from the real time in ms: a server may set it. */
  private offset: number | undefined

  constructor(
    private readonly tree: ObjectTree,
    private readonly clock: Clock,
    /** Restarts the device; with `factory`, without what servers and bootstraps configured. */
    private readonly restart: (factory: boolean) => void,
  ) {}

  adopt(instance: Path): void {
    offer(this.tree, instance, [DeviceResource.REBOOT, DeviceResource.RESET_ERROR_CODE])
    // A description with 0 or no value means the real time.
    const time = this.tree.value(instance.child(DeviceResource.CURRENT_TIME))
    const described = time instanceof Date && time.getTime() !== 0
    this.offset = described ? time.getTime() - this.clock.now() : 0
  }

  refresh(path: Path): void {
    const instance = path.at(1).child(0)
    const resource = this.tree.place(instance.child(DeviceResource.CURRENT_TIME))?.resource
    if (resource === undefined || this.offset === undefined) return
    // Without notifying: the clock changes all the time.
    resource.replace(new Date(Math.floor((this.clock.now() + this.offset) / 1000) * 1000))
  }

  written(records: readonly Record[]): void {
    for (const { path, value } of records) {
      if (path.resource === DeviceResource.CURRENT_TIME && value instanceof Date) {
        this.offset = value.getTime() - this.clock.now()
      }
    }
  }

  execute(resource: Path, _args: Arguments): (() => void) | undefined {
    switch (resource.resource) {
      case DeviceResource.REBOOT:
        return () => this.restart(false)
      case DeviceResource.FACTORY_RESET:
        return () => this.restart(true)
      case DeviceResource.RESET_ERROR_CODE: {
        const codes = resource.at(2).child(DeviceResource.ERROR_CODE)
        const errors = this.tree.place(codes)?.resource
        if (errors === undefined) throw new Refusal(Code.NOT_FOUND)
        // One instance with 0 means that there is no error (object 3, resource 11).
        this.tree.replace(codes, errors, new Map([[0, 0]]))
        return undefined
      }
      default:
        return undefined
    }
  }
}
