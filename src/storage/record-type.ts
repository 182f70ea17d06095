import { decodePlain, encodePlain } from './plain-cbor'
import { StoreError } from './store'

/**
 * Self-described CBOR (RFC 8949 §3.4.6): no record written before records had a version starts with
 * it.
 */
const PREFIX = Buffer.from('d9d9f7', 'hex')

/** The content of a record and the version in which it was written. */
export interface Versioned {
  readonly version: number
  readonly body: unknown
}

/** Settings of a {@link RecordType}. */
export interface RecordTypeOptions<T> {
  /** Name for messages, with its article: `a registration`. */
  readonly what: string
  /** The version that is written now. */
  readonly version: number
  /** Migrations from each older version to the next one, by the older version. */
  readonly migrations?: { readonly [version: number]: (body: never) => unknown }
  /** Reads a record written before records had a version. @throws Error if it is not one */
  unversioned(bytes: Uint8Array): Versioned
  /** Whether a body of the current version is complete. */
  isWhole(body: unknown): body is T
}

/**
 * A type of record in the store: plain data with a version. A record of an older version is
 * migrated when it is read, and written in the current version the next time.
 */
export class RecordType<T> {
  constructor(private readonly options: RecordTypeOptions<T>) {}

  encode(body: T): Uint8Array {
    const content = encodePlain([this.options.version, body])
    const bytes = Buffer.allocUnsafe(PREFIX.length + content.length)
    bytes.set(PREFIX)
    bytes.set(content, PREFIX.length)
    return bytes
  }

  /**
   * @returns undefined if the bytes are not such a record
   * @throws StoreError `store-newer` for a record of a later version of this package
   */
  decode(bytes: Uint8Array): T | undefined {
    const { what, version, migrations = {}, isWhole } = this.options
    try {
      const found = this.versioned(bytes)
      if (found.version > version) {
        throw new StoreError(
          'store-newer',
          `${what} in the store has version ${found.version}; this version of the package reads up to ${version}. Update the package, or start empty`,
        )
      }
      let { body } = found
      for (let from = found.version; from < version; from++) {
        const migrate = migrations[from]
        if (migrate === undefined) return undefined
        body = migrate(body as never)
      }
      return isWhole(body) ? body : undefined
    } catch (error) {
      if (error instanceof StoreError) throw error
      return undefined
    }
  }

  private versioned(bytes: Uint8Array): Versioned {
    if (!PREFIX.equals(bytes.subarray(0, PREFIX.length))) return this.options.unversioned(bytes)
    const [version, body] = decodePlain(bytes.subarray(PREFIX.length)) as [number, unknown]
    return { version, body }
  }
}

/** Decodes a record of any type and version; undefined if it is not a record or has no version. */
export function decodeAnyRecord(bytes: Uint8Array): Versioned | undefined {
  if (!PREFIX.equals(bytes.subarray(0, PREFIX.length))) return undefined
  try {
    const content = decodePlain(bytes.subarray(PREFIX.length))
    if (!Array.isArray(content) || typeof content[0] !== 'number') return undefined
    return { version: content[0], body: content[1] as unknown }
  } catch {
    return undefined
  }
}

/** {@link RecordTypeOptions.unversioned} of records that were plain CBOR from the start. */
export function cborOfVersion(version: number): (bytes: Uint8Array) => Versioned {
  return (bytes) => ({ version, body: decodePlain(bytes) })
}

/** Whether a value is an object with these properties of these types. */
export function hasProperties(
  value: unknown,
  types: { readonly [name: string]: 'string' | 'number' | 'boolean' | 'object' },
): boolean {
  if (typeof value !== 'object' || value === null) return false
  const properties = value as { readonly [name: string]: unknown }
  return Object.entries(types).every(
    ([name, type]) => typeof properties[name] === type && properties[name] !== null,
  )
}
