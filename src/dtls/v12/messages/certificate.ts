import { ByteWriter } from '../../wire/byte-writer'
import { decodeWhole } from '../../wire/decode'
import { DecodeError } from '../../errors'

/** X.509 chain, leaf first (RFC 5246 §7.4.2). */
export function buildCertificateChain(chain: readonly Uint8Array[]): Buffer {
  return new ByteWriter(1024)
    .vector(3, (list) => {
      for (const certificate of chain) list.vector(3, (entry) => entry.bytes(certificate))
    })
    .finish()
}

/** A raw public key: one SubjectPublicKeyInfo instead of the list (RFC 7250 §3). */
export function buildRawPublicKey(spki: Uint8Array): Buffer {
  return new ByteWriter(128).vector(3, (entry) => entry.bytes(spki)).finish()
}

/**
 * The DER certificates, leaf first; empty if the client has none.
 * @throws DecodeError also for more than `maxLength` certificates
 */
export function parseCertificateChain(body: Uint8Array, maxLength: number): Uint8Array[] {
  return decodeWhole('Certificate', body, (reader) => {
    const list = reader.sub(reader.uint24())
    const chain: Uint8Array[] = []
    while (list.remaining > 0) {
      if (chain.length === maxLength) {
        throw new DecodeError(`more than ${maxLength} certificates`)
      }
      const certificate = list.take(list.uint24())
      if (certificate.length === 0) throw new DecodeError('an empty certificate')
      chain.push(certificate)
    }
    return chain
  })
}

/** The SubjectPublicKeyInfo; empty if the client has none. @throws DecodeError */
export function parseRawPublicKey(body: Uint8Array): Uint8Array {
  return decodeWhole('Certificate', body, (reader) => reader.take(reader.uint24()))
}
