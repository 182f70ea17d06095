import type { ByteReader } from '../../../base/byte-reader'
import { ByteWriter } from '../../wire/byte-writer'
import type { KeyExchange } from '../../ciphers/suites'
import { decodeWhole } from '../../wire/decode'
import { DecodeError } from '../../errors'

/** LwM2M Core §5.2.2 requires at least 128 bytes; some clouds use it for a token. */
const MAX_PSK_IDENTITY = 1024

export interface ClientKeyExchange {
  /** PSK kinds. */
  readonly identity: Uint8Array | undefined
  /** ECDHE kinds: the client's public point, not validated. */
  readonly point: Uint8Array | undefined
}

function identity(reader: ByteReader): Uint8Array {
  const bytes = reader.take(reader.uint16())
  if (bytes.length > MAX_PSK_IDENTITY) {
    throw new DecodeError(`a PSK identity of ${bytes.length} bytes`)
  }
  return bytes
}

/** RFC 4279 §2 (psk), RFC 8422 §5.7 (ecdhe-ecdsa), RFC 5489 §2 (ecdhe-psk). @throws DecodeError */
export function parseClientKeyExchange(
  keyExchange: KeyExchange,
  body: Uint8Array,
): ClientKeyExchange {
  return decodeWhole('ClientKeyExchange', body, (reader) => ({
    identity: keyExchange === 'ecdhe-ecdsa' ? undefined : identity(reader),
    point: keyExchange === 'psk' ? undefined : reader.take(reader.uint8()),
  }))
}

/** Encodes it: an identity for PSK kinds, a point for ECDHE kinds. */
export function buildClientKeyExchange({ identity: name, point }: ClientKeyExchange): Buffer {
  const writer = new ByteWriter(256)
  if (name !== undefined) writer.vector(2, (entry) => entry.bytes(name))
  if (point !== undefined) writer.vector(1, (entry) => entry.bytes(point))
  return writer.finish()
}
