import { decodePlain, encodePlain } from './plain-cbor'
import { StoreError } from './store'

/** Self-described CBOR (RFC 8949 §3.4.6): nothing that was written before records had a version starts so. */
const PREFIX = Buffer.from('d9d9f7', 'hex')

/** The content of a record with the version that it was written in. */
export interface Versioned {
  readonly version: number
  readonly body: unknown
}

/** What a kind of record is. */
export interface RecordTypeOptions<T> {
  /** For messages, with its article: `a registration`. */
  readonly what: string
  /** Of what is written now. */
  readonly version: number
  /** From each older version to the next one, by the older version. */
  readonly migrations?: { readonly [version: number]: (body: never) => unknown }
  /** Reads what was written before records had a version. @throws Error for what it is not */
  unversioned(bytes: Uint8Array): Versioned
  /** Whether a body of the present version is whole. */
  isWhole(body: unknown): body is T
}

/**
 * A kind of record in the store: plain data with its version. A record of an older version is migrated
 * when it is read, and written in the present one the next time.
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
   * @returns undefined for what is no such record
   * @throws StoreError `store-newer` for one of a later version of this package
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

/** A record of whatever kind and version; undefined for what is none, or from before they had a version. */
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

/** {@link RecordTypeOptions.unversioned} of what always was plain CBOR. */
export function cborOfVersion(version: number): (bytes: Uint8Array) => Versioned {
  return (bytes) => ({ version, body: decodePlain(bytes) })
}

/** Whether a value has properties, and these of these types. */
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
