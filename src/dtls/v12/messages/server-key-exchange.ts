import { ByteWriter } from '../../wire/byte-writer'
import type { KeyExchange } from '../../ciphers/suites'
import type { NamedGroup } from '../../wire/constants'
import { decodeWhole } from '../../wire/decode'
import { DecodeError } from '../../errors'

/** ServerECDHParams: a named curve and our ephemeral point (RFC 8422 §5.4). */
export function buildEcdhParameters(group: NamedGroup, point: Uint8Array): Buffer {
  return (
    new ByteWriter(128)
      // named_curve
      .uint8(3)
      .uint16(group)
      .vector(1, (writer) => writer.bytes(point))
      .finish()
  )
}

/** ECDHE_ECDSA: the parameters and the signature over both randoms and them (RFC 8422 §5.4). */
export function buildSignedKeyExchange(
  parameters: Uint8Array,
  scheme: number,
  signature: Uint8Array,
): Buffer {
  return new ByteWriter(256)
    .bytes(parameters)
    .uint16(scheme)
    .vector(2, (writer) => writer.bytes(signature))
    .finish()
}

/** ECDHE_PSK: an empty identity hint and the parameters, unsigned (RFC 5489 §2). */
export function buildPskKeyExchange(parameters: Uint8Array): Buffer {
  return new ByteWriter(128)
    .vector(2, () => {})
    .bytes(parameters)
    .finish()
}

/** A received ServerKeyExchange: views, only its syntax is validated. */
export interface ReceivedKeyExchange {
  /** ECDHE kinds. */
  readonly ecdh:
    | {
        readonly group: number
        /** Not validated. */
        readonly point: Uint8Array
        /** The signed bytes. */
        readonly parameters: Uint8Array
      }
    | undefined
  /** ECDHE_ECDSA. */
  readonly signature: { readonly scheme: number; readonly signature: Uint8Array } | undefined
}

/**
 * RFC 4279 §2 (psk: an identity hint), RFC 5489 §2 (ecdhe-psk: hint and parameters), RFC 8422 §5.4
 * (ecdhe-ecdsa: parameters and signature). Hints are not used: LwM2M has none.
 * @throws DecodeError
 */
export function parseServerKeyExchange(kind: KeyExchange, body: Uint8Array): ReceivedKeyExchange {
  return decodeWhole('ServerKeyExchange', body, (reader) => {
    if (kind !== 'ecdhe-ecdsa') reader.take(reader.uint16())
    if (kind === 'psk') return { ecdh: undefined, signature: undefined }
    const start = reader.offset
    if (reader.uint8() !== 3) throw new DecodeError('ECDH parameters without a named curve')
    const group = reader.uint16()
    const point = reader.take(reader.uint8())
    const ecdh = { group, point, parameters: body.subarray(start, reader.offset) }
    if (kind === 'ecdhe-psk') return { ecdh, signature: undefined }
    const scheme = reader.uint16()
    return { ecdh, signature: { scheme, signature: reader.take(reader.uint16()) } }
  })
}
