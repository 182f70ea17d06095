import { createHash } from 'node:crypto'
import { Code } from '../../coap/codes'
import { LinkFormatError } from '../../lwm2m/link-format'
import { parseObjectList } from '../../lwm2m/object-links'
import { defaultObjectVersion } from '../../lwm2m/versions'
import type { Lwm2mVersion, RegisteredObject } from '../types'
import { RegistrationRefused } from './registration-refused'

/** What the text of an object list says. Immutable. */
export interface ParsedObjectList {
  readonly root: string
  readonly contentFormats: readonly number[]
  readonly objects: readonly RegisteredObject[]
}

/**
 * What a device said about itself in the payload of its registration (Core §6.2.1). It is its text;
 * what the text says takes many times the memory and is made when somebody looks.
 */
export class ObjectList implements ParsedObjectList {
  /** Registrations and profiles that hold it; see {@link ObjectLists.retain}. */
  uses = 0
  /** While it is in the cache of {@link ObjectLists}. */
  parsed: ParsedObjectList | undefined

  /** @param text the payload itself, one character a byte: what is kept over a restart */
  constructor(
    readonly text: string,
    readonly version: Lwm2mVersion,
    private readonly owner: ObjectLists,
  ) {}

  get root(): string {
    return (this.parsed ?? this.owner.expand(this)).root
  }

  get contentFormats(): readonly number[] {
    return (this.parsed ?? this.owner.expand(this)).contentFormats
  }

  get objects(): readonly RegisteredObject[] {
    return (this.parsed ?? this.owner.expand(this)).objects
  }
}

/** Budgets of {@link ObjectLists}, bytes. */
export interface ObjectListLimits {
  /** Of the texts of all lists that are held. */
  readonly texts: number
  /** Of what is kept parsed, estimated. */
  readonly parsed: number
}

/** From this length on a text is known by its digest: V8's own hash of a long text is its length. */
const LONG = 4096
/** Estimated bytes of a parsed object, and of an instance id in it. */
const OBJECT_COST = 200
const INSTANCE_COST = 16
const EMPTY: ParsedObjectList = Object.freeze({
  root: '',
  contentFormats: Object.freeze([]),
  objects: Object.freeze([]),
})

/** The object lists of all devices. The devices of a fleet say the same: they share one list. */
export class ObjectLists {
  private readonly held = new Map<string, ObjectList>()
  private textBytes = 0
  /** Parsed lists with their cost, oldest first. */
  private readonly cache = new Map<ObjectList, number>()
  private parsedBytes = 0

  constructor(private readonly limits: ObjectListLimits = { texts: Infinity, parsed: 16 << 20 }) {}

  /** Bytes of the texts that are held. */
  get bytes(): number {
    return this.textBytes
  }

  /** @throws RegistrationRefused 4.00 for what is no list of objects */
  parse(payload: Uint8Array, version: Lwm2mVersion): ObjectList {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1')
    return this.parseText(text, version)
  }

  /** The same from {@link ObjectList.text}. */
  parseText(text: string, version: Lwm2mVersion): ObjectList {
    const known = this.held.get(keyOf(text, version))
    if (known !== undefined) return known
    const list = new ObjectList(text, version, this)
    this.remember(list, parseList(text, version))
    return list
  }

  /**
   * Holds a list until it is released as often, in the turn in which it was parsed.
   * @returns false where the texts of all lists would take more than their budget
   */
  retain(list: ObjectList): boolean {
    if (list.uses === 0) {
      if (this.textBytes + list.text.length > this.limits.texts) return false
      this.textBytes += list.text.length
      this.held.set(keyOf(list.text, list.version), list)
    }
    list.uses++
    return true
  }

  release(list: ObjectList): void {
    if (--list.uses > 0) return
    this.textBytes -= list.text.length
    this.held.delete(keyOf(list.text, list.version))
    this.forget(list)
  }

  /** Parses a list again that the cache does not have any more. */
  expand(list: ObjectList): ParsedObjectList {
    // It was valid when it came.
    let parsed = EMPTY
    try {
      parsed = parseList(list.text, list.version)
    } catch (error) {
      if (!(error instanceof RegistrationRefused)) throw error
    }
    this.remember(list, parsed)
    return parsed
  }

  private remember(list: ObjectList, parsed: ParsedObjectList): void {
    const cost = costOf(parsed)
    list.parsed = parsed
    this.cache.set(list, cost)
    this.parsedBytes += cost
    for (const oldest of this.cache.keys()) {
      if (this.parsedBytes <= this.limits.parsed || oldest === list) break
      this.forget(oldest)
    }
  }

  private forget(list: ObjectList): void {
    this.parsedBytes -= this.cache.get(list) ?? 0
    this.cache.delete(list)
    list.parsed = undefined
  }
}

function keyOf(text: string, version: Lwm2mVersion): string {
  return version + (text.length < LONG ? text : digestOf(text))
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64')
}

function costOf({ objects }: ParsedObjectList): number {
  return objects.reduce(
    (sum, { instances }) => sum + OBJECT_COST + instances.length * INSTANCE_COST,
    OBJECT_COST,
  )
}

function parseList(text: string, version: Lwm2mVersion): ParsedObjectList {
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
export function pathsOf(list: ParsedObjectList): Set<string> {
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
