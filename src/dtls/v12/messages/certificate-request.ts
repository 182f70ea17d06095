import { ByteWriter } from '../../wire/byte-writer'

/** ClientCertificateType ecdsa_sign (RFC 8422 §5.5). */
const ECDSA_SIGN = 64

/**
 * RFC 5246 §7.4.4.
 * @param authorities DER names of the trust anchors; none means any
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
