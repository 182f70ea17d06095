import { CodedError } from '../../base/coded-error'
import type { ResourceDefinition } from '../model/definition'
import type { Path } from '../path'
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
  /** The definition of a resource (levels 3 and 4), `undefined` where unknown. */
  readonly resource?: (path: Path) => ResourceDefinition | undefined
  /** Milliseconds since the epoch, for relative times (RFC 8428 §4.5.3). */
  readonly now?: number
  /** Something was mended or delivered raw: for a warning event. Never throws. */
  readonly warn?: (message: string, path: Path | undefined) => void
}

/** One content format. */
export interface Codec {
  /** Content-Format number. */
  readonly format: number
  /** Media type. */
  readonly name: string
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
