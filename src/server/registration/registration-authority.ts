import type { ErrorCode } from '../../base/codes'
import type { Peer, PeerIdentity } from '../../transport/transport'
import type { AuthorizationDecision } from '../credentials/authorization-requests'

/** Why an identity may not register as an endpoint. */
export interface Refusal {
  /** Stable: `identity-mismatch`, `security-required`, `unknown-identity`, … */
  readonly code: ErrorCode
  /** For the operator: what was expected and what came. Without secrets. */
  readonly reason: string
}

/** Decides who may register as what (Core §6.2.1 and the transport binding's endpoint binding). */
export interface RegistrationAuthority {
  /** The endpoint that an identity stands for, where it stands for exactly one. */
  endpointOf(identity: PeerIdentity): string | undefined
  /** `undefined` when allowed. */
  refuse(endpoint: string, identity: PeerIdentity): Refusal | undefined
  /**
   * Where an application decides about a peer without security and an endpoint that nothing is known
   * of: its decision. `undefined` where nobody is to be asked.
   */
  ask?(endpoint: string, peer: Peer): Promise<AuthorizationDecision> | undefined
  /** Whether several endpoints have this identity, so that it does not say which of them speaks. */
  isShared?(identity: PeerIdentity): boolean
}

/** Any identity may be any endpoint; without `ep` a certificate's Common Name or a PSK identity is its name. */
export const OPEN_AUTHORITY: RegistrationAuthority = {
  endpointOf(identity) {
    if (identity.kind === 'x509') return identity.commonName
    if (identity.kind === 'psk') return Buffer.from(identity.identity).toString('utf8')
    return undefined
  },
  refuse: () => undefined,
}
