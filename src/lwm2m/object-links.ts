/** Objects in link lists: of Register and Update (Core §6.2.1) and Bootstrap-Discover. */
import { formatLinks, type Link, type LinkInput, LinkFormatError, parseLinks } from './link-format'
import { Level, Path } from './path'
import { parseVersion } from './versions'

/** An object as listed by a device. */
export interface LinkedObject {
  readonly id: number
  /** The value of `ver`. */
  readonly version?: string
  /** Ascending. */
  readonly instances: readonly number[]
  /** Gateway prefix of an end device; absent for the device itself. */
  readonly prefix?: string
}

export interface ObjectLinkList {
  /** Alternate root without outer slashes; empty for `/`. */
  readonly root: string
  /** `ct` of the root link: the preferred formats. */
  readonly contentFormats: readonly number[]
  readonly objects: readonly LinkedObject[]
  /** `lwm2m` of the root link. */
  readonly lwm2mVersion?: string
}

const RESOURCE_TYPE = 'oma.lwm2m'

/** The link of the root: by its type, else `</>`. */
function findRoot(links: readonly Link[]): Link | undefined {
  return (
    links.find(({ attributes }) => {
      const types = attributes.get('rt')
      return typeof types === 'string' && types.split(/\s+/).includes(RESOURCE_TYPE)
    }) ?? links.find(({ target }) => target === '/')
  )
}

function parseContentFormats(text: string | true | undefined): number[] {
  if (typeof text !== 'string') return []
  return text
    .split(/[\s,]+/)
    .filter((word) => /^\d{1,5}$/.test(word))
    .map(Number)
    .filter((format) => format <= 65535)
}

function versionOf(text: string | true | undefined): string | undefined {
  return typeof text === 'string' && parseVersion(text) !== undefined ? text : undefined
}

/** The LwM2M path of a link below the root; undefined for any other link. */
function pathOf(target: string, root: string): Path | undefined {
  const inside =
    root === '' ? target : target.startsWith(`/${root}/`) ? target.slice(root.length + 1) : ''
  if (inside === '' || inside === '/') return undefined
  try {
    return Path.parse(inside)
  } catch {
    return undefined
  }
}

function versionMember(version: string | undefined): { version?: string } {
  return version === undefined ? {} : { version }
}

interface GatheredObject {
  readonly id: number
  readonly prefix: string
  version: string | undefined
  /** Version given by an instance, used if no link of the object has one. */
  instanceVersion: string | undefined
  readonly instances: Set<number>
}

/**
 * Parses the payload of a registration. Links outside the root, and those that are not LwM2M paths,
 * are other resources of the device and are ignored.
 * @throws LinkFormatError
 */
export function parseObjectList(payload: Uint8Array | string): ObjectLinkList {
  const links = parseLinks(payload)
  const rootLink = findRoot(links)
  const root = (rootLink?.target ?? '/').replace(/^\/|\/$/g, '')
  if (/^\d+(\/|$)/.test(root))
    throw new LinkFormatError(`/${root} cannot be a root: it is a number`)
  const gathered = new Map<string, GatheredObject>()
  for (const { target, attributes } of links) {
    const path = pathOf(target, root)
    const id = path?.object
    if (path === undefined || id === undefined) continue
    const key = `${path.prefix}/${id}`
    let object = gathered.get(key)
    if (object === undefined) {
      object = {
        id,
        prefix: path.prefix,
        version: undefined,
        instanceVersion: undefined,
        instances: new Set(),
      }
      gathered.set(key, object)
    }
    const version = versionOf(attributes.get('ver'))
    if (path.level === Level.OBJECT) object.version ??= version
    else object.instanceVersion ??= version
    if (path.instance !== undefined) object.instances.add(path.instance)
  }
  const lwm2mVersion = versionOf(rootLink?.attributes.get('lwm2m'))
  return {
    root,
    contentFormats: parseContentFormats(rootLink?.attributes.get('ct')),
    objects: [...gathered.values()].map(({ id, prefix, instances, ...said }) => ({
      id,
      ...versionMember(said.version ?? said.instanceVersion),
      instances: [...instances].sort((a, b) => a - b),
      ...(prefix === '' ? {} : { prefix }),
    })),
    ...(lwm2mVersion === undefined ? {} : { lwm2mVersion }),
  }
}

/**
 * Formats the payload of a registration: the root with its type, then every object that has a
 * version or no instances, and the instances (Core §6.2.1).
 */
export function formatObjectList(list: {
  readonly root?: string
  readonly contentFormats?: readonly number[]
  readonly objects: Iterable<LinkedObject>
}): string {
  const root = list.root ?? ''
  const formats = list.contentFormats ?? []
  const base = root === '' ? '' : `/${root}`
  const links: LinkInput[] = []
  if (root !== '' || formats.length > 0) {
    const ct = formats.length === 0 ? undefined : formats.join(' ')
    links.push({ target: root === '' ? '/' : base, attributes: { rt: RESOURCE_TYPE, ct } })
  }
  for (const { id, version, instances, prefix } of list.objects) {
    const object = `${base}${prefix === undefined || prefix === '' ? '' : `/${prefix}`}/${id}`
    if (version !== undefined || instances.length === 0) {
      links.push({ target: object, attributes: { ver: version } })
    }
    for (const instance of instances) links.push({ target: `${object}/${instance}` })
  }
  return formatLinks(links)
}

/** An object or instance listed by a device during bootstrap (Core §6.1.7.3). */
export interface BootstrapLink {
  readonly path: Path
  /** Of a server account; absent for the bootstrap server's own. */
  readonly shortServerId?: number
  /** Of a /0 instance, since 1.1. */
  readonly uri?: string
  readonly version?: string
}

export interface BootstrapInventory {
  /** Enabler version, if the device sends it. */
  readonly lwm2mVersion?: string
  readonly links: readonly BootstrapLink[]
}

/** LwM2M 1.0 writes the version like a link: `lwm2m="1.0",</0/0>`. */
const LEADING_VERSION = /^\s*lwm2m="?(\d{1,4}\.\d{1,4})"?\s*(?:,|$)/

/** Parses the response to Bootstrap-Discover. @throws LinkFormatError */
export function parseBootstrapInventory(payload: Uint8Array | string): BootstrapInventory {
  let text = typeof payload === 'string' ? payload : Buffer.from(payload).toString('utf8')
  const leading = LEADING_VERSION.exec(text)
  if (leading !== null) text = text.slice(leading[0].length)
  const links: BootstrapLink[] = []
  let lwm2mVersion = leading?.[1]
  for (const { target, attributes } of parseLinks(text)) {
    lwm2mVersion ??= versionOf(attributes.get('lwm2m'))
    const path = pathOf(target, '')
    if (path === undefined) continue
    const ssid = attributes.get('ssid')
    const uri = attributes.get('uri')
    const version = versionOf(attributes.get('ver'))
    links.push({
      path,
      ...(typeof ssid === 'string' && /^\d{1,5}$/.test(ssid)
        ? { shortServerId: Number(ssid) }
        : {}),
      ...(typeof uri === 'string' ? { uri } : {}),
      ...(version === undefined ? {} : { version }),
    })
  }
  return { ...(lwm2mVersion === undefined ? {} : { lwm2mVersion }), links }
}

/** Formats the response to Bootstrap-Discover. */
export function formatBootstrapInventory(inventory: BootstrapInventory): string {
  const { lwm2mVersion, links } = inventory
  const root: LinkInput = { target: '/', attributes: { lwm2m: lwm2mVersion } }
  return formatLinks([
    ...(lwm2mVersion === undefined ? [] : [root]),
    ...links.map(({ path, shortServerId, uri, version }) => ({
      target: path.toString(),
      attributes: { ssid: shortServerId, uri, ver: version },
    })),
  ])
}
