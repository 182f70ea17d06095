import { CodedError } from '../../base/coded-error'
import type { ResourceDefinition } from '../model/definition'
import type { Path } from '../path'
import type { Lwm2mVersion } from '../versions'
import type { Record } from '../record'

/** The bytes do not say anything in the content format they claim. `raw` is the whole payload. */
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

/** The records cannot be said in this content format (or a value has not the type of its resource). */
export class EncodeError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super('encode', message, options)
  }
}

/** What a codec needs to know beside the bytes or records. */
export interface CodecContext {
  /** The path that was asked for: every record lies within it. Root for composite and Send. */
  readonly base: Path
  /** Alternate root without slashes at the ends (`'lwm2m'`); empty for `/`. Stripped and prepended here. */
  readonly root?: string
  /** Of an end device behind a gateway: the last segment of {@link root}, which LwM2M CBOR says itself. */
  readonly prefix?: string | undefined
  /** LwM2M version of the device, for payloads without Content-Format; undefined where unknown. */
  readonly version?: Lwm2mVersion
  /** The definition of a resource (levels 3 and 4), `undefined` where unknown. */
  readonly resource?: (path: Path) => ResourceDefinition | undefined
  /** Milliseconds since the epoch, for relative times (RFC 8428 §4.5.3). */
  readonly now?: number
  /** Something was mended or delivered raw: for a warning event. Never throws. */
  readonly warn?: (message: string, path: Path | undefined) => void
}

/**
 * What a content format can hold: `value`: the value of the path asked for and nothing else; `links`: the
 * links of Register and Discover, and a Corelnk value; `tree`: any number of values below an object;
 * `pack`: any number of values with whole names, as composite operations and Send need it.
 */
export type FormatShape = 'value' | 'links' | 'tree' | 'pack'

/** What the rest of the package needs to know of a content format. */
export interface FormatTraits {
  /** Content-Format number. */
  readonly format: number
  /** Numbers from before 1.0, tolerated when decoding. */
  readonly legacy?: readonly number[]
  /** Media type. */
  readonly name: string
  /** Short names, as dialogs and messages use them; the first is the one shown. */
  readonly names: readonly [string, ...string[]]
  /** LwM2M version that it came with. */
  readonly since: Lwm2mVersion
  readonly shape: FormatShape
  /** How its bytes are written: `text` and `json` are readable as they stand. */
  readonly notation: 'text' | 'json' | 'cbor' | 'binary'
  /** The same format in the other notation. */
  readonly twin?: number
  /** It holds bytes only. */
  readonly bytesOnly?: true
  /** It says when a value was. */
  readonly timed?: true
  /** It says deletions. */
  readonly deletes?: true
  /** It says lists of paths without values. */
  readonly paths?: true
  /** It is for requests only; what answers them, and says their paths, is in this format. */
  readonly answeredIn?: number
}

/** One content format. A new one is a file of its own and a line in `index.ts`. */
export interface Codec extends FormatTraits {
  /** @throws DecodeError and nothing else, whatever the bytes */
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
  /** Numbers from before 1.0, tolerated when decoding. */
  LEGACY_TEXT: 1541,
  LEGACY_TLV: 1542,
  LEGACY_JSON: 1543,
  LEGACY_OPAQUE: 1544,
} as const
