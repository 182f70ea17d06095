import { type KeyObject, verify } from 'node:crypto'
import { Alert, CertificateType, SignatureScheme } from '../../wire/constants'
import type { DtlsCredentials, PeerCredentials, PresentedCertificate } from '../../credentials'
import { HandshakeFailure } from '../../errors'
import type { DtlsSession } from '../../sessions/session'
import type { DtlsIdentity, RemoteAddress, Role } from '../../identity'
import { parseCertificateChain, parseRawPublicKey } from '../messages/certificate'
import type { CertificateVerify } from '../messages/certificate-verify'
import { peerRawPublicKey } from '../../certificates/raw-public-key'
import {
  type PeerCertificate,
  identityOf,
  judgeChain,
  leafProblem,
  notAfterOf,
  parseChain,
} from '../../certificates/x509'

/** Accepted in CertificateVerify and in chains, most preferred first; RSA only in chains. */
export const SIGNATURE_SCHEMES = [
  SignatureScheme.ecdsaSha256,
  SignatureScheme.ecdsaSha384,
  SignatureScheme.ecdsaSha512,
  SignatureScheme.rsaPkcs1Sha256,
] as const

const HASHES = new Map<number, string>([
  [SignatureScheme.ecdsaSha256, 'sha256'],
  [SignatureScheme.ecdsaSha384, 'sha384'],
  [SignatureScheme.ecdsaSha512, 'sha512'],
])

/** A peer whose credential was accepted. */
export interface AcceptedPeer {
  readonly identity: DtlsIdentity
  /** See `DtlsSession.chain`. */
  readonly chain: readonly Uint8Array[]
  /** Wall-clock time in ms at which the credential expires; Infinity for never. */
  readonly validUntil: number
}

/** A public key claimed by a peer, without value until it has proved to have the private key. */
export interface ClaimedKey {
  readonly key: KeyObject
  /** For reports. */
  readonly identity: DtlsIdentity
  /** Looks up whether it may connect; only after the proof. @throws HandshakeFailure */
  accept(credentials: PeerCredentials, from: RemoteAddress, now: number): Promise<AcceptedPeer>
}

/** Parses the Certificate message of a peer. @throws HandshakeFailure, DecodeError */
export function claimedKey(
  peer: Role,
  type: CertificateType,
  body: Uint8Array,
  maxChain: number,
): ClaimedKey {
  return type === CertificateType.rawPublicKey
    ? new RawKeyClaim(peer, new Uint8Array(parseRawPublicKey(body)))
    : new CertificateClaim(peer, parseChain(peer, parseCertificateChain(body, maxChain)))
}

/**
 * Verifies the proof of possession: a client's CertificateVerify (RFC 5246 §7.4.8), a server's
 * ServerKeyExchange (§7.4.3).
 * @param messages the signed bytes
 * @throws HandshakeFailure
 */
export function checkPossession(
  peer: Role,
  key: KeyObject,
  { scheme, signature }: CertificateVerify,
  messages: Uint8Array,
): void {
  const hash = HASHES.get(scheme)
  if (hash === undefined) {
    throw new HandshakeFailure(
      'illegal-parameter',
      `the ${peer} signed with scheme 0x${scheme.toString(16)}, which was not offered for its key`,
      Alert.illegalParameter,
    )
  }
  if (!verify(hash, messages, { key, dsaEncoding: 'der' }, signature)) {
    throw new HandshakeFailure(
      'bad-signature',
      `the ${peer} does not have the private key of its public key`,
      Alert.decryptError,
    )
  }
}

class RawKeyClaim implements ClaimedKey {
  readonly key: KeyObject
  readonly identity: DtlsIdentity

  constructor(
    private readonly peer: Role,
    private readonly spki: Uint8Array,
  ) {
    this.key = peerRawPublicKey(peer, spki)
    this.identity = { kind: 'rpk', publicKey: spki }
  }

  async accept(credentials: PeerCredentials, from: RemoteAddress): Promise<AcceptedPeer> {
    if ((await credentials.rawPublicKey?.(this.spki, from)) !== true) {
      throw new HandshakeFailure(
        'unknown-public-key',
        `the ${this.peer}'s raw public key is not known`,
        Alert.certificateUnknown,
      )
    }
    return { identity: this.identity, chain: [], validUntil: Infinity }
  }
}

class CertificateClaim implements ClaimedKey {
  readonly key: KeyObject
  readonly identity: PresentedCertificate['identity']
  private readonly leaf: PeerCertificate

  constructor(
    private readonly peer: Role,
    private readonly chain: readonly PeerCertificate[],
  ) {
    const [leaf] = chain
    if (leaf === undefined) throw new RangeError('an empty chain')
    this.leaf = leaf
    this.key = leaf.certificate.publicKey
    try {
      this.identity = identityOf(leaf)
    } catch (error) {
      throw new HandshakeFailure(
        'bad-certificate',
        `the names of the ${peer}'s certificate cannot be read`,
        Alert.badCertificate,
        { cause: error },
      )
    }
  }

  async accept(
    credentials: PeerCredentials,
    from: RemoteAddress,
    now: number,
  ): Promise<AcceptedPeer> {
    const verdict = judgeChain(this.chain, credentials.trustAnchors ?? [], now, this.peer)
    const problem = leafProblem(this.leaf, now, this.peer)
    const accepted =
      problem === undefined &&
      (credentials.certificate === undefined
        ? verdict.trusted
        : await credentials.certificate(
            {
              leaf: this.leaf.certificate,
              chain: this.chain.map(({ certificate }) => certificate),
              trusted: verdict.trusted,
              reason: verdict.reason,
              identity: this.identity,
            },
            from,
          ))
    if (accepted) {
      const validUntil = verdict.trusted ? verdict.notAfter : notAfterOf(this.leaf)
      const above = this.chain.slice(1, Math.max(1, verdict.pathLength))
      const chain = above.map(({ certificate }) => new Uint8Array(certificate.raw))
      return { identity: this.identity, chain, validUntil }
    }
    throw refusal(this.peer, verdict.expired, problem ?? verdict.reason)
  }
}

function refusal(peer: Role, expired: boolean, reason: string | undefined): HandshakeFailure {
  if (expired) {
    return new HandshakeFailure(
      'expired-certificate',
      `the ${peer}'s certificate was refused: it, or one that vouches for it, has expired`,
      Alert.certificateExpired,
    )
  }
  return new HandshakeFailure(
    'untrusted-certificate',
    `the ${peer}'s certificate was refused: ${reason ?? 'it is trusted, but not known'}`,
    reason === undefined ? Alert.accessDenied : Alert.unknownCa,
  )
}

/**
 * Whether the credential of a session is still valid: its chain, the trust anchors, the dates and
 * the lookups are checked as in a full handshake. PSKs are checked elsewhere.
 */
export async function isStillAccepted(
  session: DtlsSession,
  credentials: DtlsCredentials,
  from: RemoteAddress,
  now: number,
): Promise<boolean> {
  const { identity, chain } = session
  if (identity.kind === 'psk') return false
  const claim =
    identity.kind === 'rpk'
      ? new RawKeyClaim('client', identity.publicKey)
      : new CertificateClaim('client', parseChain('client', [identity.certificate, ...chain]))
  try {
    await claim.accept(credentials, from, now)
    return true
  } catch (error) {
    // Rejected; a failed lookup is handled differently.
    if (error instanceof HandshakeFailure) return false
    throw error
  }
}
