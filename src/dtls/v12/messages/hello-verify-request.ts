import { ByteWriter } from '../../wire/byte-writer'
import { Version } from '../../wire/constants'
import { decodeWhole } from '../../wire/decode'

/** RFC 6347 §4.2.1: the version is that of DTLS 1.0, whatever is negotiated later. */
export function buildHelloVerifyRequest(cookie: Uint8Array): Buffer {
  return new ByteWriter(3 + cookie.length)
    .uint16(Version.dtls10)
    .vector(1, (writer) => writer.bytes(cookie))
    .finish()
}

/** @returns the cookie, a view; the version is ignored (RFC 6347 §4.2.1) @throws DecodeError */
export function parseHelloVerifyRequest(body: Uint8Array): Uint8Array {
  return decodeWhole('HelloVerifyRequest', body, (reader) => {
    reader.uint16()
    return reader.take(reader.uint8())
  })
}
