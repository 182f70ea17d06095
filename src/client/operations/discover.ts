import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { formatLinks } from '../../lwm2m/link-format'
import { Level, type Path } from '../../lwm2m/path'
import type { AttributeStore, SetAttributes } from '../reporting/attribute-store'
import type { DeviceObject, ObjectInstance } from '../tree/object-tree'
import type { Resource } from '../tree/resource'
import type { AccessControl } from './access-control'
import type { DeviceContext } from './device-context'
import { Refusal } from './refusal'

/** One link of a Discover response with its attributes. */
interface Link {
  readonly path: Path
  readonly attributes: { readonly [name: string]: string | number | undefined }
}

/**
 * Discover (Core §6.3.1): the objects, instances and resources at and below a path, with the
 * attributes of this server.
 * @throws Refusal 4.00, 4.04, 4.05
 */
export function discover(
  context: DeviceContext,
  access: AccessControl,
  attributes: AttributeStore,
  request: CoapRequest,
  path: Path,
): CoapReply {
  if (path.level === Level.ROOT || path.level > Level.RESOURCE) {
    throw new Refusal(Code.METHOD_NOT_ALLOWED)
  }
  const place = context.tree.place(path)
  if (place === undefined || !access.visible(path)) throw new Refusal(Code.NOT_FOUND)
  if (path.level > Level.OBJECT && place.instance === undefined) throw new Refusal(Code.NOT_FOUND)
  if (path.level === Level.RESOURCE && place.resource === undefined) {
    throw new Refusal(Code.NOT_FOUND)
  }
  const depth = depthOf(context, request)
  const links = linksOf(new Discovery(context, access, attributes, path, depth), place)
  const root = context.root === '' ? '' : `/${context.root}`
  const text = formatLinks(
    [...links].map((link) => ({
      target: root + link.path.toString(),
      attributes: link.attributes,
    })),
  )
  return {
    code: Code.CONTENT,
    contentFormat: ContentFormat.LINK,
    payload: Buffer.from(text, 'utf8'),
  }
}

/** `?depth=0..3` of Core 1.2; undefined means the levels of earlier versions. */
function depthOf(context: DeviceContext, request: CoapRequest): number | undefined {
  const query = request.query.find((parameter) => parameter.startsWith('depth='))
  if (query === undefined) return undefined
  const depth = /^depth=([0-3])$/.exec(query)?.[1]
  if (context.version !== '1.2' || depth === undefined) throw new Refusal(Code.BAD_REQUEST)
  return Number(depth)
}

/** One Discover request and what it may see. */
class Discovery {
  constructor(
    readonly context: DeviceContext,
    readonly access: AccessControl,
    private readonly attributes: AttributeStore,
    readonly target: Path,
    private readonly depth: number | undefined,
  ) {}

  /** Without a depth resources are the last level (Core 1.1 §6.3.1). */
  shows(level: number): boolean {
    if (this.depth === undefined) return level <= Level.RESOURCE
    return level - this.target.level <= this.depth
  }

  /**
   * Notification attributes to show. If the target is a resource, it shows the effective ones;
   * resources below an object show theirs only if a depth was requested.
   */
  notification(path: Path): SetAttributes {
    if (path.level === Level.RESOURCE && this.target.level === Level.RESOURCE) {
      return this.attributes.effective(path)
    }
    const hidden =
      path.level >= Level.RESOURCE && this.target.level === Level.OBJECT && this.depth === undefined
    return hidden ? {} : this.attributes.at(path)
  }
}

function* linksOf(
  discovery: Discovery,
  place: { object: DeviceObject; instance?: ObjectInstance; resource?: Resource },
): Iterable<Link> {
  const { object, instance, resource } = place
  if (instance === undefined) yield* objectLinks(discovery, object)
  else if (resource === undefined) yield* instanceLinks(discovery, object, instance)
  else yield* resourceLinks(discovery, object.path.child(instance.id).child(resource.id), resource)
}

function* objectLinks(discovery: Discovery, object: DeviceObject): Iterable<Link> {
  const { path } = object
  yield {
    path,
    attributes: {
      ver: object.announced(discovery.context.version),
      ...discovery.notification(path),
    },
  }
  if (!discovery.shows(Level.INSTANCE)) return
  for (const instance of object.sorted()) yield* instanceLinks(discovery, object, instance)
}

function* instanceLinks(
  discovery: Discovery,
  object: DeviceObject,
  instance: ObjectInstance,
): Iterable<Link> {
  const path = object.path.child(instance.id)
  yield { path, attributes: discovery.notification(path) }
  if (!discovery.shows(Level.RESOURCE)) return
  for (const id of [...instance.resources.keys()].sort((a, b) => a - b)) {
    yield* resourceLinks(discovery, path.child(id), instance.resources.get(id) as Resource)
  }
}

function* resourceLinks(discovery: Discovery, path: Path, resource: Resource): Iterable<Link> {
  const dim = resource.multiple && !resource.executable ? resource.size : undefined
  yield { path, attributes: { dim, ...discovery.notification(path) } }
  if (!resource.multiple || !discovery.shows(Level.RESOURCE_INSTANCE)) return
  for (const { path: at } of resource.records(path)) {
    yield { path: at, attributes: discovery.notification(at) }
  }
}
