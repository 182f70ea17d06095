import { ByteWriter } from '../../wire/byte-writer'
import { decodeWhole, uint16List } from '../../wire/decode'

/** ClientCertificateType ecdsa_sign (RFC 8422 §5.5). */
const ECDSA_SIGN = 64

/**
 * RFC 5246 §7.4.4.
 * @param authorities DER names of the trust anchors; empty for any
 */
export function buildCertificateRequest(
  signatureSchemes: readonly number[],
  authorities: readonly Uint8Array[],
): Buffer {
  return new ByteWriter()
    .vector(1, (types) => types.uint8(ECDSA_SIGN))
    .vector(2, (list) => {
      for (const scheme of signatureSchemes) list.uint16(scheme)
    })
    .vector(2, (list) => {
      for (const name of authorities) list.vector(2, (entry) => entry.bytes(name))
    })
    .finish()
}

/** A received CertificateRequest; its CAs are not parsed. */
export interface CertificateRequest {
  /** Whether a certificate with an ECDSA key is accepted. */
  readonly takesEcdsa: boolean
  readonly signatureSchemes: readonly number[]
}

/** RFC 5246 §7.4.4. @throws DecodeError */
export function parseCertificateRequest(body: Uint8Array): CertificateRequest {
  return decodeWhole('CertificateRequest', body, (reader) => {
    const types = reader.take(reader.uint8())
    const signatureSchemes = uint16List(
      'supported_signature_algorithms',
      reader.sub(reader.uint16()),
    )
    reader.take(reader.uint16())
    return { takesEcdsa: types.includes(ECDSA_SIGN), signatureSchemes }
  })
}
