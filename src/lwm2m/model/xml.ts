/** OMA object definition files: XML as published by the registry and written by editors. */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { CodedError } from '../../base/coded-error'
import { MAX_ID } from '../path'
import type { ResourceType } from '../value'
import { parseVersion } from '../versions'
import type { ObjectDefinition, ResourceDefinition, ResourceOperations } from './definition'

/** A definition file cannot be used; the message has its name and the reason. */
export class ModelFileError extends CodedError {
  constructor(
    readonly file: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super('model-file', `${file}: ${why}`, options)
  }
}

/** Maximum size of a file in bytes. The largest of the registry has 150 kB. */
export const MAX_FILE = 4 << 20
/** Maximum number of objects in one file, and of resources in one object. */
const MAX_ENTRIES = 5000

const TYPES: ReadonlyMap<string, ResourceType> = new Map(
  (
    [
      'String',
      'Integer',
      'Unsigned Integer',
      'Float',
      'Boolean',
      'Opaque',
      'Time',
      'Objlnk',
      'Corelnk',
      'None',
    ] as const
  ).map((type) => [type.toLowerCase(), type]),
).set('unsigned', 'Unsigned Integer')

const OPERATIONS: ReadonlySet<string> = new Set(['', 'R', 'W', 'RW', 'E'])

/** An element with children, as returned by the parser. */
interface Element {
  readonly [name: string]: unknown
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: true,
  isArray: (name) => name === 'Object' || name === 'Item',
})

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a child, '' if it is missing or empty. */
function text(element: Element, name: string): string {
  const value = element[name]
  if (typeof value === 'string') return value.trim()
  // The parser returns the text of an element with attributes separately.
  return isElement(value) && typeof value['#text'] === 'string' ? value['#text'].trim() : ''
}

type Fail = (why: string) => never

function id(digits: string, what: string, fail: Fail): number {
  if (!/^\d{1,5}$/.test(digits) || Number(digits) >= MAX_ID) {
    return fail(`${what} has the id ${JSON.stringify(digits.slice(0, 20))}, not one of 0 to 65534`)
  }
  return Number(digits)
}

/** @param yes the word that means true; anything else except `no` is an error in the file */
function choice(element: Element, name: string, yes: string, no: string, fail: Fail): boolean {
  const said = text(element, name).toLowerCase()
  if (said !== yes && said !== no && said !== '') fail(`${name} is ${yes} or ${no}, not ${said}`)
  return said === yes
}

function resourceOf(item: unknown, object: string, fail: Fail): ResourceDefinition {
  if (!isElement(item)) return fail(`${object}: an Item is empty`)
  const number = id(String(item['@ID'] ?? ''), `a resource of ${object}`, fail)
  const what = `${object}, resource ${number}`
  const inner: Fail = (why) => fail(`${what}: ${why}`)
  const operations = text(item, 'Operations').toUpperCase()
  if (!OPERATIONS.has(operations)) inner(`Operations are R, W, RW, E or none, not ${operations}`)
  const typeName = text(item, 'Type')
  const type = typeName === '' ? 'None' : TYPES.get(typeName.toLowerCase())
  if (type === undefined) return inner(`unknown type ${JSON.stringify(typeName.slice(0, 40))}`)
  if (type === 'None' && operations !== 'E') inner('only an executable resource has no Type')
  const units = text(item, 'Units')
  const range = text(item, 'RangeEnumeration')
  return {
    id: number,
    name: text(item, 'Name') || `Resource ${number}`,
    // Executable resources have no value, whatever the file says.
    type: operations === 'E' ? 'None' : type,
    operations: operations as ResourceOperations,
    multiple: choice(item, 'MultipleInstances', 'multiple', 'single', inner),
    mandatory: choice(item, 'Mandatory', 'mandatory', 'optional', inner),
    ...(units === '' ? {} : { units }),
    ...(range === '' ? {} : { range }),
  }
}

/** An item that cannot be used; the object is kept without it. */
class ItemError extends Error {}

/**
 * The resources of an object. One that is malformed or defined twice is reported and omitted: its
 * values are delivered untyped.
 */
function resourcesOf(
  items: readonly unknown[],
  object: string,
  warn: (why: string) => void,
): Map<number, ResourceDefinition> {
  const resources = new Map<number, ResourceDefinition>()
  const fail: Fail = (why) => {
    throw new ItemError(why)
  }
  for (const item of items) {
    try {
      const resource = resourceOf(item, object, fail)
      if (resources.has(resource.id)) {
        fail(`${object}, resource ${resource.id} is defined twice: the first definition is used`)
      }
      resources.set(resource.id, resource)
    } catch (error) {
      if (!(error instanceof ItemError)) throw error
      warn(error.message)
    }
  }
  return resources
}

function objectOf(element: unknown, fail: Fail, warn: (why: string) => void): ObjectDefinition {
  if (!isElement(element)) return fail('an Object is empty')
  const number = id(text(element, 'ObjectID'), 'an Object', fail)
  const what = `object ${number}`
  const inner: Fail = (why) => fail(`${what}: ${why}`)
  const version = text(element, 'ObjectVersion') || '1.0'
  if (!version.includes('.') || parseVersion(version) === undefined) {
    inner(`ObjectVersion looks like 1.0, not like ${JSON.stringify(version.slice(0, 20))}`)
  }
  const container = element['Resources']
  const items = isElement(container) && Array.isArray(container['Item']) ? container['Item'] : []
  if (items.length > MAX_ENTRIES) inner(`more than ${MAX_ENTRIES} resources`)
  const resources = resourcesOf(items as unknown[], what, warn)
  return {
    id: number,
    name: text(element, 'Name') || `Object ${number}`,
    version,
    urn: text(element, 'ObjectURN'),
    multiple: choice(element, 'MultipleInstances', 'multiple', 'single', inner),
    mandatory: choice(element, 'Mandatory', 'mandatory', 'optional', inner),
    resources,
  }
}

/** Decodes the file by the encoding of its XML declaration, UTF-8 by default. */
function decodeText(bytes: Uint8Array, fail: Fail): string {
  const head = Buffer.from(bytes.subarray(0, 100)).toString('latin1')
  const label = /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch {
    return fail(`the text is not valid ${label}`)
  }
}

/** The definitions of one or more files, and the errors in parts of them. */
export interface ModelFiles {
  readonly definitions: readonly ObjectDefinition[]
  /** Errors of files, objects and resources that were omitted. */
  readonly errors: readonly ModelFileError[]
}

/**
 * Parses the object definitions of one file. Objects and items that cannot be used are omitted and
 * reported in `errors`; a file without any usable object is rejected.
 * @param file its name, for errors
 * @throws ModelFileError and nothing else
 */
export function parseModelXml(bytes: Uint8Array, file: string): ModelFiles {
  const fail: Fail = (why) => {
    throw new ModelFileError(file, why)
  }
  if (bytes.length > MAX_FILE) fail(`${bytes.length} bytes exceed the limit of ${MAX_FILE}`)
  const xml = decodeText(bytes, fail)
  // Definitions need no DOCTYPE, and its entities could be used to exhaust memory.
  if (xml.includes('<!DOCTYPE') || xml.includes('<!ENTITY')) fail('a DOCTYPE is not allowed')
  let document: unknown
  try {
    const valid = XMLValidator.validate(xml)
    if (valid !== true) fail(`line ${valid.err.line}: ${valid.err.msg}`)
    document = parser.parse(xml)
  } catch (error) {
    if (error instanceof ModelFileError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new ModelFileError(file, `malformed XML: ${why}`, { cause: error })
  }
  const root = isElement(document) ? document['LWM2M'] : undefined
  const objects = isElement(root) ? root['Object'] : undefined
  if (!Array.isArray(objects)) return fail('there is no LWM2M element with an Object in it')
  if (objects.length > MAX_ENTRIES) fail(`more than ${MAX_ENTRIES} objects`)
  const errors: ModelFileError[] = []
  const warn = (why: string): void => void errors.push(new ModelFileError(file, why))
  const definitions = (objects as unknown[]).flatMap((object) => {
    try {
      return [objectOf(object, fail, warn)]
    } catch (error) {
      if (!(error instanceof ModelFileError)) throw error
      errors.push(error)
      return []
    }
  })
  const [first] = errors
  if (definitions.length === 0 && first !== undefined) throw first
  return { definitions, errors }
}
