import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'

/** Arguments of an Execute by digit (Core §7.3.2.4). */
export type Arguments = ReadonlyMap<number, string | undefined>

/** What an object does beside holding values. All paths are within that object. */
export interface ObjectBehaviour {
  /** An instance is there (again): adds the resources that the behaviour implements. */
  adopt?(instance: Path): void
  /** Brings values up to date that depend on the time; tells nobody. */
  refresh?(path: Path): void
  /**
   * Carries out an Execute. @returns what to do once the answer was sent (a reboot, …)
   * @throws Refusal
   */
  execute?(resource: Path, args: Arguments): (() => void) | undefined
  /** Looks at a write before any of it is done. @throws Refusal */
  validate?(records: readonly Record[]): void
  /** A server wrote these. */
  written?(records: readonly Record[]): void
}

/** The behaviours of the device by object id. */
export class Behaviours {
  private readonly byObject = new Map<number, ObjectBehaviour[]>()

  add(objectId: number, behaviour: ObjectBehaviour): void {
    const list = this.byObject.get(objectId)
    if (list === undefined) this.byObject.set(objectId, [behaviour])
    else list.push(behaviour)
  }

  /** End devices behind a gateway have values only. */
  of(path: Path): readonly ObjectBehaviour[] {
    if (path.prefix !== '' || path.object === undefined) return []
    return this.byObject.get(path.object) ?? []
  }

  /** Of everything at or below a path. */
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
