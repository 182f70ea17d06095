import { describeIdentity, type Peer, type PeerIdentity } from '../../transport/transport'
import { isPattern, matchesPattern } from '../endpoint-pattern'
import type { Refusal, RegistrationAuthority } from '../registration/registration-authority'
import type { AuthorizationDecision, AuthorizationRequests } from './authorization-requests'
import { provesName } from './certificate-name'
import {
  certificateKey,
  type Credential,
  type CredentialUse,
  identityText,
  pskKey,
  rpkKey,
} from './credential'
import type { CredentialTable } from './credential-table'

/** Which certificates are good for an endpoint that no credential says anything about. */
export type CertificatePolicy = 'named' | 'listed'

/** Decides by credentials who may be which endpoint. */
export class CredentialAuthority implements RegistrationAuthority {
  /**
   * @param onProven called when a credential let an endpoint in
   */
  constructor(
    private readonly use: CredentialUse,
    private readonly table: CredentialTable,
    private readonly policy: CertificatePolicy,
    private readonly onProven: (credential: Credential) => void,
    private readonly requests?: AuthorizationRequests,
  ) {}

  ask(endpoint: string, peer: Peer): Promise<AuthorizationDecision> | undefined {
    if (this.requests === undefined || peer.secure) return undefined
    if (this.table.about(this.use, endpoint).length > 0) return undefined
    return this.requests.ask(`register:${peer.id} ${endpoint}`, peer, {
      kind: 'register',
      security: 'none',
      endpoint,
    })
  }

  endpointOf(identity: PeerIdentity): string | undefined {
    const endpoints = new Set(this.provenBy(identity).map((one) => one.endpoint))
    if (endpoints.size > 1) return undefined
    const [endpoint] = endpoints
    if (endpoint !== undefined && !isPattern(endpoint)) return endpoint
    if (identity.kind !== 'x509') return undefined
    const name =
      identity.commonName ?? (identity.names.length === 1 ? identity.names[0] : undefined)
    return name !== undefined && this.refuse(name, identity) === undefined ? name : undefined
  }

  refuse(endpoint: string, identity: PeerIdentity): Refusal | undefined {
    const wanted = this.table.about(this.use, endpoint)
    if (identity.kind === 'none') {
      if (wanted.length === 0) return undefined
      return {
        code: 'security-required',
        reason: `${expected(endpoint, wanted)}, but came without security`,
      }
    }
    const proven = this.provenBy(identity)
    const credential = proven.find((one) => stands(one, endpoint, identity))
    if (credential !== undefined) {
      this.onProven(credential)
      return undefined
    }
    const came = `${describeIdentity(identity)} came`
    if (wanted.length > 0) {
      return { code: 'identity-mismatch', reason: `${expected(endpoint, wanted)}, but ${came}` }
    }
    if (proven.length > 0) {
      const own = proven.map((one) => JSON.stringify(one.endpoint)).join(', ')
      return {
        code: 'identity-mismatch',
        reason: `${describeIdentity(identity)} stands for ${own}, not for ${JSON.stringify(endpoint)}`,
      }
    }
    if (identity.kind === 'x509' && this.policy === 'named') {
      if (identity.names.includes(endpoint)) return undefined
      const names = identity.names.map((name) => JSON.stringify(name)).join(', ')
      return {
        code: 'identity-mismatch',
        reason: `the certificate names ${names === '' ? 'nothing' : names}, not ${JSON.stringify(endpoint)}`,
      }
    }
    return { code: 'unknown-identity', reason: `${describeIdentity(identity)} has no credential` }
  }

  /** One key for all endpoints of a pattern. A certificate has its own key, whatever its name matches. */
  isShared(identity: PeerIdentity): boolean {
    return (
      identity.kind !== 'x509' &&
      this.provenBy(identity).some(({ endpoint }) => isPattern(endpoint))
    )
  }

  /** All credentials that this identity proves. */
  private provenBy(identity: PeerIdentity): Credential[] {
    const find = (key: string): Credential[] => {
      const found = this.table.find(this.use, key)
      return found === undefined ? [] : [found]
    }
    switch (identity.kind) {
      case 'none':
        return []
      case 'psk':
        return find(pskKey(identity.identity))
      case 'rpk':
        return find(rpkKey(identity.publicKey))
      case 'x509': {
        const pinned = find(certificateKey(identity.certificate))
        return pinned.length > 0 ? pinned : this.table.named(this.use, identity.names)
      }
    }
  }
}

/** Whether a proven credential is good for this endpoint. */
function stands(credential: Credential, endpoint: string, identity: PeerIdentity): boolean {
  if (!isPattern(credential.endpoint)) return credential.endpoint === endpoint
  if (!matchesPattern(credential.endpoint, endpoint)) return false
  const { proof } = credential
  // "Certificates named dev-*": each is good for its own name only.
  if (proof.mode === 'x509' && 'name' in proof && isPattern(proof.name)) {
    return (
      identity.kind === 'x509' && identity.names.includes(endpoint) && provesName(proof, [endpoint])
    )
  }
  return true
}

function expected(endpoint: string, wanted: readonly Credential[]): string {
  const kinds = wanted.map(({ proof }) => {
    switch (proof.mode) {
      case 'psk':
        return `PSK identity ${JSON.stringify(identityText(proof.identity))}`
      case 'rpk':
        return 'its raw public key'
      case 'x509':
        return 'name' in proof
          ? `a certificate named ${JSON.stringify(proof.name)}`
          : 'its pinned certificate'
    }
  })
  return `endpoint ${JSON.stringify(endpoint)} must come with ${[...new Set(kinds)].join(' or ')}`
}
