import type { Clock } from '../../base/clock'
import type { DtlsCredentials, PresentedCertificate, ServerKey } from '../../dtls/credentials'
import type { CertificatePolicy } from './authority'
import { certificateKey, type CredentialUse, pskKey, rpkKey } from './credential'
import type { CredentialTable } from './credential-table'

/** What a server shows and trusts itself, beside what it knows of its devices. */
export type ServerIdentity = Pick<DtlsCredentials, 'serverKey' | 'trustAnchors'>

/** What a DTLS server asks during a handshake, for the services behind its port. */
export class PeerLookups implements DtlsCredentials {
  readonly serverKey: ServerKey | undefined
  readonly trustAnchors: DtlsCredentials['trustAnchors']

  constructor(
    private readonly table: CredentialTable,
    private readonly uses: readonly CredentialUse[],
    private readonly policy: CertificatePolicy,
    private readonly clock: Clock,
    own: ServerIdentity = {},
  ) {
    this.serverKey = own.serverKey
    this.trustAnchors = own.trustAnchors
  }

  /**
   * The key of a PSK identity, compared byte by byte. Where both services behind one port know the
   * identity, that of the first in `uses` counts.
   */
  psk(identity: Uint8Array): Uint8Array | undefined {
    const key = pskKey(identity)
    for (const use of this.uses) {
      const proof = this.table.find(use, key)?.proof
      if (proof?.mode === 'psk') return proof.key
    }
    return undefined
  }

  /** Whether a raw public key (DER SubjectPublicKeyInfo) belongs to a device. */
  rawPublicKey(publicKey: Uint8Array): boolean {
    return this.knows(rpkKey(publicKey))
  }

  /**
   * Whether a certificate may come in: exactly this one was given for a device (whoever issued it, but
   * within its validity), or it is trusted and its names may come in at all. Which endpoint it may be
   * is decided when that registers.
   */
  certificate(presented: PresentedCertificate): boolean {
    const { leaf, identity, trusted } = presented
    if (this.knows(certificateKey(leaf.raw))) {
      const now = this.clock.now()
      return Date.parse(leaf.validFrom) <= now && now <= Date.parse(leaf.validTo)
    }
    return trusted && this.named(identity.names)
  }

  private named(names: readonly string[]): boolean {
    if (this.policy === 'named' && names.length > 0) return true
    return this.uses.some((use) => this.table.named(use, names).length > 0)
  }

  private knows(proofKey: string): boolean {
    return this.uses.some((use) => this.table.find(use, proofKey) !== undefined)
  }
}
