import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'

/** Arguments of an Execute by digit (Core §7.3.2.4). */
export type Arguments = ReadonlyMap<number, string | undefined>

/** The behaviour of an object beyond its values. All paths are within that object. */
export interface ObjectBehaviour {
  /** An instance was created or restored: adds the resources that the behaviour implements. */
  adopt?(instance: Path): void
  /** Updates values that depend on the time, without notifying listeners. */
  refresh?(path: Path): void
  /**
   * Executes a resource. @returns what to do after the response was sent (a reboot, …)
   * @throws Refusal
   */
  execute?(resource: Path, args: Arguments): (() => void) | undefined
  /** Checks a write before any of it is applied. @throws Refusal */
  validate?(records: readonly Record[]): void
  /** Called after a server wrote these records. */
  written?(records: readonly Record[]): void
}

/** The behaviours of the device's objects by object id. */
export class Behaviours {
  private readonly byObject = new Map<number, ObjectBehaviour[]>()

  add(objectId: number, behaviour: ObjectBehaviour): void {
    const list = this.byObject.get(objectId)
    if (list === undefined) this.byObject.set(objectId, [behaviour])
    else list.push(behaviour)
  }

  /** End devices behind a gateway only have values. */
  of(path: Path): readonly ObjectBehaviour[] {
    if (path.prefix !== '' || path.object === undefined) return []
    return this.byObject.get(path.object) ?? []
  }

  /** Refreshes everything at or below a path. */
  refresh(path: Path): void {
    if (path.object !== undefined) {
      for (const behaviour of this.of(path)) behaviour.refresh?.(path)
      return
    }
    for (const [id, behaviours] of this.byObject) {
      for (const behaviour of behaviours) behaviour.refresh?.(path.child(id))
    }
  }
}
