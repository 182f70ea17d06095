import type { CertificatePolicy } from './authority'
import { certificateKey, type CredentialUse, pskKey, rpkKey } from './credential'
import type { CredentialTable } from './credential-table'

/** What a DTLS server asks during a handshake, for the services behind its port. */
export class PeerLookups {
  constructor(
    private readonly table: CredentialTable,
    private readonly uses: readonly CredentialUse[],
    private readonly policy: CertificatePolicy,
  ) {}

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
    const key = rpkKey(publicKey)
    return this.uses.some((use) => this.table.find(use, key) !== undefined)
  }

  /** Whether exactly this certificate (DER) was given for a device, whoever issued it. */
  pinned(certificate: Uint8Array): boolean {
    const key = certificateKey(certificate)
    return this.uses.some((use) => this.table.find(use, key) !== undefined)
  }

  /** Whether a certificate under the trust anchors with these names (CN, SANs) may come in at all. */
  named(names: readonly string[]): boolean {
    if (this.policy === 'named' && names.length > 0) return true
    return this.uses.some((use) => this.table.named(use, names).length > 0)
  }
}
