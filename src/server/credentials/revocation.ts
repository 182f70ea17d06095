import type { PeerIdentity } from '../../transport/transport'
import {
  certificateKey,
  type Credential,
  type CredentialInfo,
  type CredentialUse,
  proofKey,
  pskKey,
  rpkKey,
} from './credential'
import { provesName } from './certificate-name'

/** Credentials that are no longer in force; whoever was let in by one of them is to be dropped. */
export class Revocation {
  readonly credentials: readonly CredentialInfo[]
  private readonly keys = new Map<CredentialUse, Set<string>>()
  private readonly names: Credential[] = []

  constructor(removed: readonly Credential[]) {
    this.credentials = removed.map((one) => one.info)
    for (const one of removed) {
      if ('name' in one.proof) this.names.push(one)
      const keys = this.keys.get(one.use)
      if (keys === undefined) this.keys.set(one.use, new Set([proofKey(one.proof)]))
      else keys.add(proofKey(one.proof))
    }
  }

  /**
   * Whether an association with this identity rests on a revoked credential.
   * @param uses what the transport of the association serves
   */
  matches(identity: PeerIdentity, uses: readonly CredentialUse[]): boolean {
    if (identity.kind === 'none') return false
    const key =
      identity.kind === 'psk'
        ? pskKey(identity.identity)
        : identity.kind === 'rpk'
          ? rpkKey(identity.publicKey)
          : certificateKey(identity.certificate)
    if (uses.some((use) => this.keys.get(use)?.has(key) === true)) return true
    if (identity.kind !== 'x509') return false
    return this.names.some((one) => uses.includes(one.use) && provesName(one.proof, identity.names))
  }
}
