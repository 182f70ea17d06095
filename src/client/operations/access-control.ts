import { Code } from '../../coap/codes'
import type { Path } from '../../lwm2m/path'
import {
  ACCESS_CONTROL,
  HIDDEN_OBJECTS,
  SERVER,
  findServerInstance,
  serverAccounts,
} from '../accounts'
import type { ObjectInstance, ObjectTree } from '../tree/object-tree'
import { addInstance } from '../tree/build'
import { Refusal } from './refusal'

/** Bits of an access control list (`/2/x/2`, Core §8.2). */
export const Right = { READ: 1, WRITE: 2, EXECUTE: 4, DELETE: 8, CREATE: 16 } as const

const ALL = 31
/** `/2/x/1` of an entry for creating instances of an object (Core §8.2.2). */
const ANY_INSTANCE = 65535

/** The rights of one server (Core §8). With a single server account access is not controlled. */
export class AccessControl {
  constructor(
    private readonly tree: ObjectTree,
    private readonly shortServerId: number,
  ) {}

  /** @throws Refusal 4.01 if the right is missing, 4.04 for objects hidden from servers */
  require(path: Path, right: number): void {
    if (!this.visible(path)) throw new Refusal(Code.NOT_FOUND)
    if (!this.allows(path, right)) throw new Refusal(Code.UNAUTHORIZED)
  }

  /** /0, /21 and /23 are invisible to registered servers (Core §E.1). */
  visible(path: Path): boolean {
    return path.prefix !== '' || path.object === undefined || !HIDDEN_OBJECTS.has(path.object)
  }

  allows(path: Path, right: number): boolean {
    if (!this.visible(path)) return false
    if (path.prefix !== '' || path.object === undefined) return true
    if (serverAccounts(this.tree).length < 2) return true
    if (path.object === ACCESS_CONTROL) return this.mayManage(path, right)
    const entries = this.tree.object(ACCESS_CONTROL)?.sorted() ?? []
    // A device provisioned without any entry does not use access control.
    if (entries.length === 0) return true
    const of = right === Right.CREATE ? ANY_INSTANCE : path.instance
    if (of === undefined) return true
    const entry = entries.find(
      (candidate) => value(candidate, 0) === path.object && value(candidate, 1) === of,
    )
    if (entry === undefined) return this.isOwnServer(path)
    return (this.rights(entry) & right) === right
  }

  /** A server can always manage its own Server instance. */
  private isOwnServer(path: Path): boolean {
    if (path.object !== SERVER || path.instance === undefined) return false
    return findServerInstance(this.tree, this.shortServerId)?.id === path.instance
  }

  private rights(entry: ObjectInstance): number {
    const list = entry.resources.get(2)
    const own = list?.instance(this.shortServerId)
    if (typeof own === 'number') return own
    if (value(entry, 3) === this.shortServerId) return ALL
    const others = list?.instance(0)
    return typeof others === 'number' ? others : 0
  }

  /** A server owns the instances it created: if there are entries, one is added (Core §8.2.2). */
  created(instance: Path): void {
    const object = this.tree.object(ACCESS_CONTROL)
    if (serverAccounts(this.tree).length < 2 || object === undefined) return
    if (object.instances.size === 0 || instance.prefix !== '') return
    addInstance(
      this.tree,
      object,
      object.freeInstanceId(),
      {
        0: instance.object ?? 0,
        1: instance.instance ?? 0,
        2: { [this.shortServerId]: ALL & ~Right.CREATE },
        3: this.shortServerId,
      },
      false,
    )
  }

  /** Deletes the entry of a deleted instance (Core §8.2.2). */
  deleted(instance: Path): void {
    const object = this.tree.object(ACCESS_CONTROL)
    for (const entry of object?.sorted() ?? []) {
      const about = value(entry, 0) === instance.object && value(entry, 1) === instance.instance
      if (about && object !== undefined) this.tree.deleteInstance(object, entry.id)
    }
  }

  /** Every server can read the Access Control object; only the owner of an entry can change it. */
  private mayManage(path: Path, right: number): boolean {
    if (right === Right.READ) return true
    if (path.instance === undefined) return false
    const entry = this.tree.object(ACCESS_CONTROL)?.instances.get(path.instance)
    return right === Right.WRITE && entry !== undefined && value(entry, 3) === this.shortServerId
  }
}

function value(entry: ObjectInstance, resource: number): unknown {
  return entry.resources.get(resource)?.scalar
}
