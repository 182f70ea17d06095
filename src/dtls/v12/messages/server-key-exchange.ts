import { ByteWriter } from '../../wire/byte-writer'
import type { NamedGroup } from '../../wire/constants'

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
