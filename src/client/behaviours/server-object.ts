import { Code } from '../../coap/codes'
import { ServerResource } from '../../lwm2m/objects/server'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Refusal } from '../operations/refusal'
import type { ObjectTree } from '../tree/object-tree'
import type { Arguments, ObjectBehaviour } from './behaviour'
import { offer } from './implement'

/** Disable timeout in seconds without `/1/x/5` (object 1, resource 5). */
const DEFAULT_DISABLE = 86_400

/** Actions of the client that the Server object triggers. */
export interface ServerActions {
  update(shortServerId: number): void
  /** De-registers for this many seconds. */
  disable(shortServerId: number, seconds: number): void
  /** Starts a bootstrap. Returns false if there is no bootstrap server. */
  bootstrap(): boolean
  /** Lifetime, binding, default periods, … were written. */
  settingsChanged(shortServerId: number): void
}

/** Object 1, LwM2M Server. */
export class ServerObjectBehaviour implements ObjectBehaviour {
  constructor(
    private readonly tree: ObjectTree,
    private readonly actions: ServerActions,
    private readonly canBootstrap: () => boolean,
  ) {}

  adopt(instance: Path): void {
    offer(this.tree, instance, [ServerResource.DISABLE, ServerResource.UPDATE_TRIGGER])
    if (this.canBootstrap()) offer(this.tree, instance, [ServerResource.BOOTSTRAP_TRIGGER])
  }

  execute(resource: Path, _args: Arguments): (() => void) | undefined {
    const instance = resource.at(2)
    const shortServerId = this.number(instance, ServerResource.SHORT_SERVER_ID) ?? 0
    switch (resource.resource) {
      case ServerResource.UPDATE_TRIGGER:
        return () => this.actions.update(shortServerId)
      case ServerResource.DISABLE: {
        const seconds = this.number(instance, ServerResource.DISABLE_TIMEOUT) ?? DEFAULT_DISABLE
        return () => this.actions.disable(shortServerId, seconds)
      }
      case ServerResource.BOOTSTRAP_TRIGGER:
        // No bootstrap server: the trigger cannot be executed (object 1, resource 9).
        if (!this.canBootstrap()) throw new Refusal(Code.METHOD_NOT_ALLOWED)
        return () => void this.actions.bootstrap()
      default:
        return undefined
    }
  }

  validate(records: readonly Record[]): void {
    for (const { path, value } of records) {
      if (path.resource === ServerResource.LIFETIME && !(typeof value === 'number' && value > 0)) {
        throw new Refusal(Code.BAD_REQUEST, 'a lifetime is 1 second or more')
      }
      if (
        path.resource === ServerResource.BINDING &&
        !(typeof value === 'string' && /^[UTSNMHQ]+$/.test(value))
      ) {
        throw new Refusal(Code.BAD_REQUEST, 'no binding')
      }
    }
  }

  written(records: readonly Record[]): void {
    const instances = new Map(records.map(({ path }) => [path.at(2).toString(), path.at(2)]))
    for (const instance of instances.values()) {
      this.actions.settingsChanged(this.number(instance, ServerResource.SHORT_SERVER_ID) ?? 0)
    }
  }

  private number(instance: Path, resource: number): number | undefined {
    const value = this.tree.value(instance.child(resource))
    return typeof value === 'number' ? value : undefined
  }
}
