import { ByteWriter } from '../../wire/byte-writer'
import { decodeWhole } from '../../wire/decode'

/** A signature over the handshake so far (RFC 5246 §7.4.8). */
export interface CertificateVerify {
  readonly scheme: number
  readonly signature: Uint8Array
}

/** @throws DecodeError */
export function parseCertificateVerify(body: Uint8Array): CertificateVerify {
  return decodeWhole('CertificateVerify', body, (reader) => ({
    scheme: reader.uint16(),
    signature: reader.take(reader.uint16()),
  }))
}

export function buildCertificateVerify({ scheme, signature }: CertificateVerify): Buffer {
  return new ByteWriter(128)
    .uint16(scheme)
    .vector(2, (writer) => writer.bytes(signature))
    .finish()
}
