import { X509Certificate } from 'node:crypto'
import { type CertificateFields, Oid, parseCertificateFields } from './fields'
import { Alert } from '../wire/constants'
import { HandshakeFailure } from '../errors'
import type { DtlsIdentity, Role } from '../identity'
import { allowsNames } from './name-constraints'
import { NameForm, nameText } from './names'
import { isP256 } from './raw-public-key'

/** A certificate with the fields that `node:crypto` does not expose. */
export interface PeerCertificate {
  readonly certificate: X509Certificate
  readonly fields: CertificateFields
}

function withFields(certificate: X509Certificate): PeerCertificate {
  return { certificate, fields: parseCertificateFields(certificate.raw) }
}

/** Parsed trust anchors; each is parsed only once. */
const anchors = new WeakMap<X509Certificate, PeerCertificate | 'unreadable'>()

function asAnchor(certificate: X509Certificate): PeerCertificate | undefined {
  let anchor = anchors.get(certificate)
  if (anchor === undefined) {
    try {
      anchor = withFields(certificate)
    } catch {
      anchor = 'unreadable'
    }
    anchors.set(certificate, anchor)
  }
  return anchor === 'unreadable' ? undefined : anchor
}

/** Wall-clock ms. */
export function notAfterOf({ certificate }: PeerCertificate): number {
  return Date.parse(certificate.validTo)
}

/**
 * Parses the chain of a peer; the leaf must have a P-256 key.
 * @throws HandshakeFailure
 */
export function parseChain(peer: Role, chain: readonly Uint8Array[]): PeerCertificate[] {
  if (chain.length === 0) {
    throw new HandshakeFailure(
      'no-certificate',
      `the ${peer} has no certificate, and one is needed`,
      Alert.handshakeFailure,
    )
  }
  const certificates = chain.map((der) => {
    try {
      // A copy: a stored view would keep its datagram in memory.
      const bytes = new Uint8Array(der)
      const certificate = new X509Certificate(bytes)
      // The library ignores bytes after a certificate.
      if (!certificate.raw.equals(bytes)) throw new Error('trailing bytes')
      return withFields(certificate)
    } catch (error) {
      throw new HandshakeFailure(
        'bad-certificate',
        `a certificate of the ${peer} cannot be read`,
        Alert.badCertificate,
        { cause: error },
      )
    }
  })
  const leaf = certificates[0]?.certificate
  if (leaf === undefined || !hasP256Key(leaf)) {
    throw new HandshakeFailure(
      'bad-certificate',
      `the key of the ${peer}'s certificate is not a P-256 key`,
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

/** Common Name, DNS and URI names: compared with the endpoint name. */
export function identityOf({
  certificate,
  fields,
}: PeerCertificate): Extract<DtlsIdentity, { kind: 'x509' }> {
  const { commonName, alternativeNames } = fields
  const texts = alternativeNames
    .filter(({ form }) => form === NameForm.dns || form === NameForm.uri)
    .map(nameText)
  const names = new Set(commonName === undefined ? texts : [commonName, ...texts])
  return {
    kind: 'x509',
    subject: certificate.subject,
    commonName,
    names: [...names],
    certificate: new Uint8Array(certificate.raw),
  }
}

/** Result of the verification of a chain. */
export interface ChainVerdict {
  readonly trusted: boolean
  readonly expired: boolean
  /** Why it is not trusted. */
  readonly reason: string | undefined
  /** Wall-clock time in ms at which the first certificate of the path expires. */
  readonly notAfter: number
  /** Number of received certificates, including the leaf, that lead to the trust anchor. */
  readonly pathLength: number
}

/**
 * Whether a leaf may be used in a role, independent of its issuer: this also applies to a pinned
 * certificate (RFC 5280 §4.2.1.3, §4.2.1.12).
 * @returns why not
 */
export function leafProblem(
  leaf: PeerCertificate,
  now: number,
  role: Role = 'client',
): string | undefined {
  if (leaf.fields.keyUsage?.digitalSignature === false) {
    return 'its key must not be used for signatures'
  }
  if (!isFor(role, leaf)) return `it is not for ${role} authentication`
  return certificateProblem(leaf, now)
}

function certificateProblem(subject: PeerCertificate, now: number): string | undefined {
  const [unknown] = subject.fields.unknownCritical
  if (unknown !== undefined) return `it has the critical extension ${unknown}, unknown here`
  // Negated, because an invalid date must be rejected.
  if (!(now >= Date.parse(subject.certificate.validFrom))) return 'it is not valid yet'
  if (!(now <= notAfterOf(subject))) return EXPIRED
  return undefined
}

const EXPIRED = 'it has expired'

function isFor(role: Role, { fields: { extendedKeyUsage } }: PeerCertificate): boolean {
  return (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(role === 'client' ? Oid.clientAuth : Oid.serverAuth) ||
    extendedKeyUsage.includes(Oid.anyExtendedKeyUsage)
  )
}

/** @returns why `issuer` may not have issued the certificates of `path`, leaf first */
function issuerProblem(
  issuer: PeerCertificate,
  path: readonly PeerCertificate[],
  now: number,
  role: Role,
): string | undefined {
  const { basicConstraints, nameConstraints } = issuer.fields
  const below = path.length - 1
  if (basicConstraints?.ca !== true || !issuer.certificate.ca)
    return 'its issuer is not an authority'
  if (basicConstraints.pathLength !== undefined && below > basicConstraints.pathLength) {
    return 'its chain is longer than an authority allows'
  }
  // A CA for servers must not issue client certificates (or vice versa), whatever those contain.
  if (!isFor(role, issuer)) return `its issuer is not an authority for ${role} authentication`
  const [issued] = path.slice(-1)
  const weakness = weaknessOf(issuer, issued)
  if (weakness !== undefined) return weakness
  if (nameConstraints !== undefined) {
    // RFC 5280 §6.1.4 (b): constraints do not apply to self-issued certificates, except the leaf.
    const held = path.filter((certificate, at) => at === 0 || !isSelfIssued(certificate))
    if (!held.every(({ fields }) => allowsNames(nameConstraints, fields))) {
      return 'its names are outside of those that an authority may certify'
    }
  }
  return certificateProblem(issuer, now)
}

/** Accepted hashes and keys of certificate signatures: no MD5, no SHA-1, no short RSA key. */
const SIGNATURE_ALGORITHMS = new Set([
  // sha256, sha384 and sha512 WithRSAEncryption
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  // ecdsa-with-SHA256, -SHA384 and -SHA512
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  // Ed25519 and Ed448
  '1.3.101.112',
  '1.3.101.113',
])
const PSS_HASHES = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
])
const LEAST_RSA_BITS = 2048

/** @returns why the signature of `issuer` on `issued` is too weak */
function weaknessOf(
  { certificate }: PeerCertificate,
  issued: PeerCertificate | undefined,
): string | undefined {
  const { oid, pssHash } = issued?.fields.signatureAlgorithm ?? { oid: '', pssHash: undefined }
  const isStrong =
    SIGNATURE_ALGORITHMS.has(oid) || (pssHash !== undefined && PSS_HASHES.has(pssHash))
  if (!isStrong) return `its chain is signed with an algorithm that is not accepted (${oid})`
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  const { modulusLength } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType?.startsWith('rsa') && (modulusLength ?? 0) < LEAST_RSA_BITS) {
    return `an authority of its chain has an RSA key of ${modulusLength} bits; ${LEAST_RSA_BITS} are needed`
  }
  return undefined
}

function isSelfIssued({ certificate }: PeerCertificate): boolean {
  return certificate.subject === certificate.issuer
}

/** Names, key identifiers and key usage (keyCertSign) match, and the signature is valid. */
function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/**
 * Builds the path from the leaf through the received certificates to a trust anchor (RFC 5280
 * §6.1). A trust anchor may be a root, an intermediate or the leaf itself; its validity period is
 * checked too.
 */
export function judgeChain(
  chain: readonly PeerCertificate[],
  trustAnchors: readonly X509Certificate[],
  now: number,
  role: Role = 'client',
): ChainVerdict {
  let notAfter = Infinity
  const untrusted = (reason: string): ChainVerdict => ({
    trusted: false,
    expired: reason === EXPIRED,
    reason,
    notAfter,
    pathLength: 0,
  })
  const [leaf, ...intermediates] = chain
  if (leaf === undefined) return untrusted('there is none')
  const problem = leafProblem(leaf, now, role)
  if (problem !== undefined) return untrusted(problem)
  // An unreadable trust anchor only affects the chains that need it.
  const usable = trustAnchors.map(asAnchor).filter((anchor) => anchor !== undefined)
  const unreadable = trustAnchors.length - usable.length
  const trusted = (): ChainVerdict => ({
    trusted: true,
    expired: false,
    reason: undefined,
    notAfter,
    pathLength: path.length,
  })
  const path: PeerCertificate[] = []
  let current = leaf
  for (let below = 0; ; below++) {
    path.push(current)
    notAfter = Math.min(notAfter, notAfterOf(current))
    const subject = current.certificate
    if (trustAnchors.some(({ raw }) => raw.equals(subject.raw))) {
      return trusted()
    }
    const anchor = usable.find(({ certificate }) => issued(certificate, subject))
    // Chains are sent in order (RFC 5246 §7.4.2); a root at their end is looked up among the trust
    // anchors.
    const next = intermediates[below]
    const issuer =
      anchor ?? (next !== undefined && issued(next.certificate, subject) ? next : undefined)
    if (issuer === undefined) {
      const note = unreadable > 0 ? ` (${unreadable} of the trust anchors cannot be read)` : ''
      return untrusted(`its chain leads to no trust anchor${note}`)
    }
    const bad = issuerProblem(issuer, path, now, role)
    if (bad !== undefined) return untrusted(bad)
    if (anchor !== undefined) {
      notAfter = Math.min(notAfter, notAfterOf(anchor))
      return trusted()
    }
    current = issuer
  }
}
