import { Code } from '../../coap/codes'
import { LinkFormatError } from '../../lwm2m/link-format'
import { parseObjectList } from '../../lwm2m/object-links'
import { defaultObjectVersion } from '../../lwm2m/versions'
import type { Lwm2mVersion, RegisteredObject } from '../types'
import { RegistrationRefused } from './registration-refused'

/** What a device said about itself in the payload of its registration (Core §6.2.1). Immutable. */
export interface ObjectList {
  /** The payload itself, one character a byte: what is kept over a restart. */
  readonly text: string
  readonly root: string
  readonly contentFormats: readonly number[]
  readonly objects: readonly RegisteredObject[]
}

/** Lists remembered: a fleet needs one per firmware. */
const MAX_LISTS = 2000
/** Bytes of text remembered. */
const MAX_BYTES = 4 << 20

/**
 * Parses object lists, each text once: the devices of a fleet say the same and share one structure.
 */
export class ObjectLists {
  private readonly known = new Map<string, ObjectList>()
  private bytes = 0

  /** @throws RegistrationRefused 4.00 for what is no list of objects */
  parse(payload: Uint8Array, version: Lwm2mVersion): ObjectList {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1')
    return this.parseText(text, version)
  }

  /** The same from {@link ObjectList.text}. */
  parseText(text: string, version: Lwm2mVersion): ObjectList {
    const key = version + text
    const known = this.known.get(key)
    if (known !== undefined) return known
    const list = parseList(text, version)
    if (this.known.size >= MAX_LISTS || this.bytes + text.length > MAX_BYTES) {
      this.known.clear()
      this.bytes = 0
    }
    this.known.set(key, list)
    this.bytes += text.length
    return list
  }
}

function parseList(text: string, version: Lwm2mVersion): ObjectList {
  try {
    const list = parseObjectList(Buffer.from(text, 'latin1'))
    const objects = list.objects.map((object): RegisteredObject => {
      const { id, instances, prefix } = object
      return Object.freeze({
        id,
        version: object.version ?? defaultObjectVersion(id, version),
        instances: Object.freeze([...instances]),
        ...(prefix === undefined || prefix === '' ? undefined : { prefix }),
      })
    })
    return Object.freeze({
      text,
      root: list.root,
      contentFormats: Object.freeze([...list.contentFormats]),
      objects: Object.freeze(objects),
    })
  } catch (error) {
    if (!(error instanceof LinkFormatError)) throw error
    throw new RegistrationRefused(
      Code.BAD_REQUEST,
      `the object list is malformed: ${error.message}`,
    )
  }
}

/** The list as paths: `/1/0`, and `/5` for an object without instances. */
export function pathsOf(list: ObjectList): Set<string> {
  const paths = new Set<string>()
  for (const { id, instances, prefix } of list.objects) {
    const object = prefix === undefined ? `/${id}` : `/${prefix}/${id}`
    if (instances.length === 0) paths.add(object)
    for (const instance of instances) paths.add(`${object}/${instance}`)
  }
  return paths
}

/** The union of several lists (a device with several profiles, Core 1.2 §6.2.1). */
export function mergeLists(lists: readonly ObjectList[], objectLists: ObjectLists): ObjectList {
  const [first] = lists
  if (first === undefined) throw new RangeError('no list to merge')
  if (lists.length === 1) return first
  return objectLists.parseText(lists.map((list) => list.text).join(','), '1.2')
}
