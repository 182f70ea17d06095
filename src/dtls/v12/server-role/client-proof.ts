import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../base/clock'
import {
  type AcceptedPeer,
  checkPossession,
  type ClaimedKey,
  claimedKey,
} from '../handshake/peer-authentication'
import type { DtlsCredentials } from '../../credentials'
import type { HandshakeFailure } from '../../errors'
import { MAX_PSK, pskFailure } from '../handshake/failures'
import type { HandshakeSecrets } from '../handshake/secrets'
import type { DtlsIdentity, RemoteAddress } from '../../identity'
import type { KeyAgreement } from '../../key-agreement'
import { pskPremaster } from '../keys/key-schedule'
import type { Question } from '../../lookups/lookup'
import { parseCertificateVerify } from '../messages/certificate-verify'
import { parseClientKeyExchange } from '../messages/client-key-exchange'
import type { Negotiated } from './negotiation'
import type { HandshakeMessage } from '../handshake/reassembly'
import { credentialCheck } from './resumption'
import type { DtlsSession } from '../../sessions/session'
import type { Settings } from '../../settings'

/** The identity of a client, and the data that binds a session to it. */
export interface ProvenClient {
  readonly accepted: AcceptedPeer
  /** See `DtlsSession.credentialCheck`. */
  readonly credentialCheck: Uint8Array
}

/** The identity of a session; whether its credential is still valid must be checked before. */
export function provenBySession(session: DtlsSession): ProvenClient {
  const { identity, chain, credentialCheck } = session
  return { accepted: { identity, chain, validUntil: Infinity }, credentialCheck }
}

/** What a proof needs of its handshake. */
export interface ProofContext {
  readonly settings: Settings
  readonly credentials: DtlsCredentials
  readonly clock: Clock
  readonly negotiated: Negotiated
  readonly secrets: HandshakeSecrets
  readonly agreement: KeyAgreement | undefined
  /** The address of the client, for lookups. */
  readonly client: RemoteAddress
  /** Reports to the operator what the client must not see. */
  report(failure: HandshakeFailure): void
}

/**
 * Authenticates the client in a full handshake, message by message: an identity, with the PSK
 * proved by the keys derived from it; or a public key, with the private one proved by
 * CertificateVerify.
 */
export class ClientProof {
  /** The identity claimed by the client. */
  claimed: DtlsIdentity | undefined
  /**
   * Set when the identity is known here. With a PSK only Finished proves that the client has the
   * key.
   */
  proven: ProvenClient | undefined
  private claim: ClaimedKey | undefined

  constructor(private readonly context: ProofContext) {}

  /** @throws HandshakeFailure, DecodeError */
  onCertificate(message: HandshakeMessage): void {
    const { negotiated, settings, secrets } = this.context
    const type = negotiated.clientCertificateType
    this.claim = claimedKey('client', type, message.body, settings.maxChainLength)
    this.claimed = this.claim.identity
    secrets.transcript.add(message)
  }

  /**
   * Derives the master secret: at once from the key agreement alone, with a PSK after its lookup.
   * @returns the lookup of the PSK
   * @throws HandshakeFailure, DecodeError
   */
  onClientKeyExchange(message: HandshakeMessage): Question<Uint8Array | undefined> | undefined {
    const { negotiated, secrets, agreement, credentials, client } = this.context
    const { identity, point } = parseClientKeyExchange(negotiated.suite.keyExchange, message.body)
    const shared = point && agreement?.agree(point)
    secrets.transcript.add(message)
    if (identity === undefined) {
      if (shared === undefined) throw new RangeError('no key exchange')
      secrets.derive(shared)
      return undefined
    }
    // A copy: a view would keep its datagram in memory.
    const name = new Uint8Array(identity)
    this.claimed = { kind: 'psk', identity: name }
    return {
      ask: async () => credentials.psk?.(name, client),
      onAnswer: (psk) => this.onPsk(name, psk, shared),
      onError: (error) => this.onPsk(name, undefined, shared, error),
    }
  }

  /** @returns the lookup whether the key may connect @throws HandshakeFailure, DecodeError */
  onCertificateVerify(message: HandshakeMessage): Question<AcceptedPeer> {
    const { claim } = this
    if (claim === undefined) throw new RangeError('no certificate')
    const { secrets, credentials, client, clock } = this.context
    const signed = secrets.transcript.takeMessages()
    checkPossession('client', claim.key, parseCertificateVerify(message.body), signed)
    secrets.transcript.add(message)
    return {
      ask: () => claim.accept(credentials, client, clock.now()),
      onAnswer: (accepted) => {
        this.proven = {
          accepted,
          credentialCheck: credentialCheck(secrets.masterSecret, undefined),
        }
      },
    }
  }

  /**
   * An unknown identity gets a random key: from outside it cannot be distinguished from a wrong
   * key, there is no answer (RFC 4279 §2 allows both).
   */
  private onPsk(
    identity: Uint8Array,
    psk: Uint8Array | undefined,
    shared: Uint8Array | undefined,
    error?: unknown,
  ): void {
    const { secrets } = this.context
    const known = psk !== undefined && psk.length > 0 && psk.length <= MAX_PSK
    if (!known) this.context.report(pskFailure(psk, error))
    const key = known ? psk : randomBytes(16)
    secrets.derive(pskPremaster(key, shared))
    shared?.fill(0)
    this.proven = {
      accepted: { identity: { kind: 'psk', identity }, chain: [], validUntil: Infinity },
      credentialCheck: credentialCheck(secrets.masterSecret, key),
    }
  }
}
