import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { formatBootstrapInventory, type BootstrapLink } from '../../lwm2m/object-links'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { ObjectLink } from '../../lwm2m/value'
import { ACCESS_CONTROL, OSCORE, SECURITY, SERVER } from '../accounts'
import type { DeviceContext } from '../operations/device-context'
import { requestPath } from '../operations/device-context'
import { contentReply } from '../operations/read'
import { Refusal } from '../operations/refusal'
import { decodePayload, typed } from '../operations/write'
import type { DeviceObject, ObjectInstance } from '../tree/object-tree'
import { ACCOUNT_OBJECTS, storeRecords } from './accounts-file'

const BOOTSTRAP_SERVER = 1
const SHORT_SERVER_ID = 10
const OSCORE_LINK = 17

/** Checks a finished bootstrap. @returns what is inconsistent, or undefined */
export type ConsistencyCheck = () => string | undefined

/**
 * The bootstrap interface of the device (Core §6.1). A bootstrap server may do more than a server:
 * access rights and hidden objects do not apply.
 */
export class BootstrapInterface {
  /** Set when a Finish was accepted; called after its response was sent. */
  onFinished: () => void = () => {}

  constructor(
    private readonly context: DeviceContext,
    private readonly check: ConsistencyCheck,
  ) {}

  handle(request: CoapRequest): CoapReply {
    try {
      return this.dispatch(request)
    } catch (error) {
      if (error instanceof Refusal) return error.toReply()
      this.context.warn('bootstrap', error instanceof Error ? error.message : String(error))
      return { code: Code.INTERNAL_SERVER_ERROR }
    }
  }

  /** Writes the contents of a Bootstrap-Pack (Core 1.2 §6.1.7.4). @throws Refusal 4.00, 4.06 */
  unpack(records: readonly Record[]): void {
    this.store(records)
    const wrong = this.check()
    if (wrong !== undefined) throw new Refusal(Code.NOT_ACCEPTABLE, wrong)
  }

  private dispatch(request: CoapRequest): CoapReply {
    if (request.path.length === 1 && request.path[0] === 'bs') return this.finish(request)
    const path = requestPath(this.context, request)
    switch (request.code) {
      case Code.GET:
        return request.accept === ContentFormat.LINK
          ? this.discover(path)
          : this.read(request, path)
      case Code.PUT:
        return this.write(request, path)
      case Code.DELETE:
        return this.remove(path)
      default:
        throw new Refusal(Code.METHOD_NOT_ALLOWED)
    }
  }

  /** Bootstrap-Finish (Core §6.1.7.6). @throws Refusal 4.05, 4.06 */
  private finish(request: CoapRequest): CoapReply {
    if (request.code !== Code.POST) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    const wrong = this.check()
    if (wrong !== undefined) throw new Refusal(Code.NOT_ACCEPTABLE, wrong)
    return { code: Code.CHANGED, onSent: () => this.onFinished() }
  }

  /** Bootstrap-Discover (Core §6.1.7.2). @throws Refusal 4.04, 4.05 */
  private discover(path: Path): CoapReply {
    if (path.level > Level.OBJECT) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    const { tree, version } = this.context
    if (path.level === Level.OBJECT && tree.place(path) === undefined) {
      throw new Refusal(Code.NOT_FOUND)
    }
    const links: BootstrapLink[] = []
    for (const object of tree.objects()) {
      if (object.prefix !== '' || !path.contains(object.path)) continue
      const instances = object.sorted()
      if (instances.length === 0)
        links.push({ path: object.path, version: object.announced(version) })
      for (const instance of instances) {
        links.push({ path: object.path.child(instance.id), ...account(object, instance) })
      }
    }
    return {
      code: Code.CONTENT,
      contentFormat: ContentFormat.LINK,
      payload: Buffer.from(formatBootstrapInventory({ lwm2mVersion: version, links }), 'utf8'),
    }
  }

  /** Bootstrap-Read (Core 1.1 §6.1.7.3): only of the Server and Access Control objects. */
  private read(request: CoapRequest, path: Path): CoapReply {
    const { tree, version } = this.context
    const allowed = path.object === SERVER || path.object === ACCESS_CONTROL
    if (version === '1.0' || !allowed || path.level > Level.INSTANCE) {
      throw new Refusal(Code.METHOD_NOT_ALLOWED)
    }
    const place = tree.place(path)
    if (place === undefined || (path.level === Level.INSTANCE && place.instance === undefined)) {
      throw new Refusal(Code.NOT_FOUND)
    }
    return contentReply(this.context, path, tree.records(path), request.accept)
  }

  /** Bootstrap-Write (Core §6.1.7.4): overwrites existing values. @throws Refusal */
  private write(request: CoapRequest, path: Path): CoapReply {
    if (path.level === Level.ROOT || path.level > Level.RESOURCE) {
      throw new Refusal(Code.METHOD_NOT_ALLOWED)
    }
    this.requireSupported(path)
    const records = decodePayload(this.context, request, path)
    if (path.level === Level.RESOURCE) this.storeResource(path, records)
    else this.store(records)
    return { code: Code.CHANGED }
  }

  private store(records: readonly Record[]): void {
    const known = records.filter((record) => {
      this.requireSupported(record.path)
      if (record.path.level < Level.RESOURCE) {
        throw new Refusal(Code.BAD_REQUEST, `${record.path.toString()} is not a resource`)
      }
      const definition = this.context.tree.definition(record.path)
      // A resource that this device does not know does not invalidate the others.
      if (definition === undefined) {
        this.context.warn('bootstrap', `${record.path.toString()} is unknown and was left out`)
        return false
      }
      typed(record, definition)
      return true
    })
    storeRecords(this.context.tree, known)
    for (const text of new Set(known.map(({ path }) => path.at(Level.INSTANCE).toString()))) {
      const path = Path.parse(text)
      for (const behaviour of this.context.behaviours.of(path)) behaviour.adopt?.(path)
    }
  }

  private storeResource(path: Path, records: readonly Record[]): void {
    const { tree } = this.context
    const definition = tree.definition(path)
    if (definition === undefined) throw new Refusal(Code.NOT_FOUND)
    for (const record of records) typed(record, definition)
    const object = tree.addObject(path.object as number)
    const instance = tree.addInstance(object, path.instance as number)
    const values = new Map(
      records.map((record) => [record.path.resourceInstance ?? 0, typed(record, definition)]),
    )
    tree.replace(
      path,
      tree.ensureResource(instance, definition),
      definition.multiple ? values : values.get(0),
    )
  }

  /** Account objects are always supported; of the others, those that the device has. */
  private requireSupported(path: Path): void {
    const account = ACCOUNT_OBJECTS.some((id) => id === path.object)
    if (path.prefix !== '' || (!account && this.context.tree.place(path) === undefined)) {
      throw new Refusal(Code.NOT_FOUND)
    }
  }

  /** Bootstrap-Delete (Core §6.1.7.5). @throws Refusal 4.00, 4.04, 4.05 */
  private remove(path: Path): CoapReply {
    const { tree } = this.context
    if (path.level > Level.INSTANCE) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    if (path.level === Level.INSTANCE) {
      const place = tree.place(path)
      if (place?.instance === undefined) throw new Refusal(Code.NOT_FOUND)
      if (this.isProtected(place.object, place.instance)) {
        throw new Refusal(Code.BAD_REQUEST, `${path.toString()} cannot be deleted`)
      }
      tree.deleteInstance(place.object, place.instance.id)
      return { code: Code.DELETED }
    }
    tree.batch(() => {
      for (const object of [...tree.objects()]) {
        if (object.prefix === '' && path.contains(object.path)) this.clear(object, path)
      }
    })
    return { code: Code.DELETED }
  }

  private clear(object: DeviceObject, path: Path): void {
    for (const instance of object.sorted()) {
      if (this.isProtected(object, instance)) continue
      // "Everything" means everything configured: built-in sensors are not deleted.
      const account = ACCOUNT_OBJECTS.some((id) => id === object.id)
      if (path.level === Level.ROOT && instance.builtin && !account) continue
      this.context.tree.deleteInstance(object, instance.id)
    }
  }

  /** The bootstrap server's account with its OSCORE keys, and the Device object (Core §6.1.7.5). */
  private isProtected(object: DeviceObject, instance: ObjectInstance): boolean {
    if (object.id === ObjectId.DEVICE) return true
    if (object.id === SECURITY) return isBootstrapAccount(instance)
    if (object.id !== OSCORE) return false
    const accounts = this.context.tree.object(SECURITY)?.sorted() ?? []
    return accounts.some((account) => {
      const link = account.resources.get(OSCORE_LINK)?.scalar
      return (
        isBootstrapAccount(account) &&
        link instanceof ObjectLink &&
        link.objectId === OSCORE &&
        link.instanceId === instance.id
      )
    })
  }
}

function isBootstrapAccount(instance: ObjectInstance): boolean {
  return instance.resources.get(BOOTSTRAP_SERVER)?.scalar === true
}

/** `ssid` of Security and Server instances, `uri` of Security instances (Core §6.1.7.2). */
function account(
  object: DeviceObject,
  instance: ObjectInstance,
): { shortServerId?: number; uri?: string } {
  if (object.id === SERVER) return { shortServerId: number(instance, 0) }
  if (object.id !== SECURITY) return {}
  const uri = instance.resources.get(0)?.scalar
  return {
    // The bootstrap server's account has no Short Server ID, which is how a server recognizes it.
    shortServerId: isBootstrapAccount(instance) ? undefined : number(instance, SHORT_SERVER_ID),
    uri: typeof uri === 'string' && uri !== '' ? uri : undefined,
  }
}

function number(instance: ObjectInstance, resource: number): number | undefined {
  const value = instance.resources.get(resource)?.scalar
  return typeof value === 'number' ? value : undefined
}
