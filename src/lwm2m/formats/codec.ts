import { CodedError } from '../../base/coded-error'
import type { ResourceDefinition } from '../model/definition'
import type { Path } from '../path'
import type { Lwm2mVersion } from '../versions'
import type { Record } from '../record'

/** The bytes are not valid in the given content format. `raw` is the whole payload. */
export class DecodeError extends CodedError {
  constructor(
    readonly format: number | undefined,
    message: string,
    readonly raw: Uint8Array,
    options?: ErrorOptions,
  ) {
    super('decode', message, options)
  }
}

/**
 * The records cannot be encoded in this content format (or a value does not have the type of its
 * resource).
 */
export class EncodeError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super('encode', message, options)
  }
}

/** Context of a codec in addition to the bytes or records. */
export interface CodecContext {
  /** The requested path: every record is at or below it. Root for composite operations and Send. */
  readonly base: Path
  /**
   * Alternate root without slashes at the ends (`'lwm2m'`); empty for `/`. Removed and prepended by
   * the codec.
   */
  readonly root?: string
  /**
   * Prefix of an end device behind a gateway: the last segment of {@link root}, which LwM2M CBOR
   * encodes itself.
   */
  readonly prefix?: string | undefined
  /** LwM2M version of the device, for payloads without Content-Format; undefined if unknown. */
  readonly version?: Lwm2mVersion
  /** The definition of a resource (levels 3 and 4), `undefined` if unknown. */
  readonly resource?: (path: Path) => ResourceDefinition | undefined
  /** Milliseconds since the epoch, for relative times (RFC 8428 §4.5.3). */
  readonly now?: number
  /** Called if something was corrected or delivered raw, for a warning event. Must not throw. */
  readonly warn?: (message: string, path: Path | undefined) => void
}

/**
 * What a content format can hold: `value`: only the value of the requested path; `links`: the links
 * of Register and Discover, and a Corelnk value; `tree`: any number of values below an object;
 * `pack`: any number of values with full names, as needed for composite operations and Send.
 */
export type FormatShape = 'value' | 'links' | 'tree' | 'pack'

/** Properties of a content format. */
export interface FormatTraits {
  /** Content-Format number. */
  readonly format: number
  /** Numbers from before 1.0, accepted when decoding. */
  readonly legacy?: readonly number[]
  /** Media type. */
  readonly name: string
  /** Short names for dialogs and messages; the first is displayed. */
  readonly names: readonly [string, ...string[]]
  /** LwM2M version that introduced it. */
  readonly since: Lwm2mVersion
  readonly shape: FormatShape
  /** Notation of its payloads: `text` and `json` are readable. */
  readonly notation: 'text' | 'json' | 'cbor' | 'binary'
  /** The same format in the other notation. */
  readonly twin?: number
  /** It holds only bytes. */
  readonly bytesOnly?: true
  /** Its values can have a time. */
  readonly timed?: true
  /** It can represent deletions. */
  readonly deletes?: true
  /** It can represent lists of paths without values. */
  readonly paths?: true
  /**
   * It is used only for requests; their responses, and lists of their paths, are in this format.
   */
  readonly answeredIn?: number
}

/** One content format. Each is a separate file and a line in `index.ts`. */
export interface Codec extends FormatTraits {
  /** @throws DecodeError for invalid bytes, no other error */
  decode(bytes: Uint8Array, context: CodecContext): Record[]
  /** @throws EncodeError */
  encode(records: readonly Record[], context: CodecContext): Buffer
}

/** Content-Format numbers (OMA Core §7.4, RFC 7252, RFC 8428, RFC 8790). */
export const ContentFormat = {
  TEXT: 0,
  LINK: 40,
  OCTET_STREAM: 42,
  CBOR: 60,
  SENML_JSON: 110,
  SENML_CBOR: 112,
  SENML_ETCH_JSON: 320,
  SENML_ETCH_CBOR: 322,
  TLV: 11542,
  LWM2M_JSON: 11543,
  LWM2M_CBOR: 11544,
  /** Numbers from before 1.0, accepted when decoding. */
  LEGACY_TEXT: 1541,
  LEGACY_TLV: 1542,
  LEGACY_JSON: 1543,
  LEGACY_OPAQUE: 1544,
} as const
