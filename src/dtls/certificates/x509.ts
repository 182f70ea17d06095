import { X509Certificate } from 'node:crypto'
import { type CertificateFields, Oid, parseCertificateFields } from './fields'
import { Alert } from '../wire/constants'
import { HandshakeFailure } from '../errors'
import type { DtlsIdentity } from '../identity'
import { isP256 } from './raw-public-key'

/** A certificate, with what `node:crypto` does not show of it. */
export interface ClientCertificate {
  readonly certificate: X509Certificate
  readonly fields: CertificateFields
}

function withFields(certificate: X509Certificate): ClientCertificate {
  return { certificate, fields: parseCertificateFields(certificate.raw) }
}

/** Wall-clock ms. */
export function notAfterOf({ certificate }: ClientCertificate): number {
  return Date.parse(certificate.validTo)
}

/**
 * Parses a client's chain; the leaf must have a P-256 key.
 * @throws HandshakeFailure
 */
export function parseClientChain(chain: readonly Uint8Array[]): ClientCertificate[] {
  if (chain.length === 0) {
    throw new HandshakeFailure(
      'no-certificate',
      'the client has no certificate, and one is needed',
      Alert.handshakeFailure,
    )
  }
  const certificates = chain.map((der) => {
    try {
      // A copy: what is kept must not pin a datagram.
      const bytes = new Uint8Array(der)
      const certificate = new X509Certificate(bytes)
      // The library skips what follows a certificate.
      if (!certificate.raw.equals(bytes)) throw new Error('trailing bytes')
      return withFields(certificate)
    } catch (error) {
      throw new HandshakeFailure(
        'bad-certificate',
        'a certificate of the client cannot be read',
        Alert.badCertificate,
        { cause: error },
      )
    }
  })
  const leaf = certificates[0]?.certificate
  if (leaf === undefined || !hasP256Key(leaf)) {
    throw new HandshakeFailure(
      'bad-certificate',
      "the key of the client's certificate is not a P-256 key",
      Alert.unsupportedCertificate,
    )
  }
  return certificates
}

function hasP256Key(certificate: X509Certificate): boolean {
  try {
    return isP256(certificate.publicKey)
  } catch {
    return false
  }
}

/** Common Name, DNS and URI names: what an endpoint name is compared with. */
export function identityOf({
  certificate,
  fields,
}: ClientCertificate): Extract<DtlsIdentity, { kind: 'x509' }> {
  const { commonName, alternativeNames } = fields
  const names = new Set(
    commonName === undefined ? alternativeNames : [commonName, ...alternativeNames],
  )
  return {
    kind: 'x509',
    subject: certificate.subject,
    commonName,
    names: [...names],
    certificate: new Uint8Array(certificate.raw),
  }
}

/** How a chain was judged. */
export interface ChainVerdict {
  readonly trusted: boolean
  readonly expired: boolean
  /** Why it is not trusted. */
  readonly reason: string | undefined
  /** Wall-clock ms at which the first certificate of the path ends. */
  readonly notAfter: number
}

/**
 * Whether a leaf may act as a client, besides who vouches for it: a pinned certificate is held to
 * this as well (RFC 5280 §4.2.1.3, §4.2.1.12).
 * @returns why not
 */
export function leafProblem(leaf: ClientCertificate, now: number): string | undefined {
  const { keyUsage, extendedKeyUsage } = leaf.fields
  if (keyUsage?.digitalSignature === false) return 'its key must not be used for signatures'
  if (
    extendedKeyUsage !== undefined &&
    !extendedKeyUsage.includes(Oid.clientAuth) &&
    !extendedKeyUsage.includes(Oid.anyExtendedKeyUsage)
  ) {
    return 'it is not for client authentication'
  }
  return certificateProblem(leaf, now)
}

function certificateProblem(subject: ClientCertificate, now: number): string | undefined {
  const [unknown] = subject.fields.unknownCritical
  if (unknown !== undefined) return `it has the critical extension ${unknown}, unknown here`
  if (now < Date.parse(subject.certificate.validFrom)) return 'it is not valid yet'
  if (now > notAfterOf(subject)) return EXPIRED
  return undefined
}

const EXPIRED = 'it has expired'

/** @returns why `issuer` may not have issued a certificate with `below` others between it and the leaf */
function issuerProblem(issuer: ClientCertificate, below: number, now: number): string | undefined {
  const { basicConstraints } = issuer.fields
  if (basicConstraints?.ca !== true || !issuer.certificate.ca) return 'its issuer is no authority'
  if (basicConstraints.pathLength !== undefined && below > basicConstraints.pathLength) {
    return 'its chain is longer than an authority allows'
  }
  return certificateProblem(issuer, now)
}

/** Names, key identifiers and key usage (keyCertSign) fit, and the signature is right. */
function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/**
 * Walks from the leaf through the certificates sent to a trust anchor (RFC 5280 §6.1). A trust anchor
 * may be a root, an intermediate or the leaf's very certificate; its validity period counts too.
 */
export function judgeChain(
  chain: readonly ClientCertificate[],
  trustAnchors: readonly X509Certificate[],
  now: number,
): ChainVerdict {
  let notAfter = Infinity
  const untrusted = (reason: string): ChainVerdict => ({
    trusted: false,
    expired: reason === EXPIRED,
    reason,
    notAfter,
  })
  const [leaf, ...intermediates] = chain
  if (leaf === undefined) return untrusted('there is none')
  const problem = leafProblem(leaf, now)
  if (problem !== undefined) return untrusted(problem)
  const anchors = trustAnchors.map(withFields)
  let current = leaf
  for (let below = 0; ; below++) {
    notAfter = Math.min(notAfter, notAfterOf(current))
    const subject = current.certificate
    if (anchors.some(({ certificate }) => certificate.raw.equals(subject.raw))) {
      return { trusted: true, expired: false, reason: undefined, notAfter }
    }
    const anchor = anchors.find(({ certificate }) => issued(certificate, subject))
    // Chains are sent in order (RFC 5246 §7.4.2); a root at their end is looked up, not believed.
    const next = intermediates[below]
    const issuer =
      anchor ?? (next !== undefined && issued(next.certificate, subject) ? next : undefined)
    if (issuer === undefined) return untrusted('its chain leads to no trust anchor')
    const bad = issuerProblem(issuer, below, now)
    if (bad !== undefined) return untrusted(bad)
    if (anchor !== undefined) {
      notAfter = Math.min(notAfter, notAfterOf(anchor))
      return { trusted: true, expired: false, reason: undefined, notAfter }
    }
    current = issuer
  }
}
