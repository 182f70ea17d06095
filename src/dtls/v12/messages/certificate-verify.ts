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
