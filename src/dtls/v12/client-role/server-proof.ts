import type { Clock } from '../../../base/clock'
import type { DtlsClientCredentials } from '../../client-credentials'
import { HandshakeFailure } from '../../errors'
import type { DtlsIdentity, RemoteAddress } from '../../identity'
import { createKeyAgreement, type KeyAgreement } from '../../key-agreement'
import type { Question } from '../../lookups/lookup'
import { Alert, NamedGroup } from '../../wire/constants'
import {
  type AcceptedPeer,
  checkPossession,
  type ClaimedKey,
  claimedKey,
} from '../handshake/peer-authentication'
import type { HandshakeMessage } from '../handshake/reassembly'
import type { HandshakeSecrets } from '../handshake/secrets'
import { parseServerKeyExchange } from '../messages/server-key-exchange'
import type { Chosen } from './answer'

/**
 * Authenticates the server in a full handshake: its Finished proves the PSK; for a public key, the
 * signature in ServerKeyExchange proves the private one.
 */
export class ServerProof {
  /** The identity claimed by the server. */
  claimed: DtlsIdentity | undefined
  /** Our ephemeral key, and the shared secret with the server's. ECDHE kinds. */
  agreement: KeyAgreement | undefined
  shared: Buffer | undefined
  private claim: ClaimedKey | undefined

  constructor(
    private readonly chosen: Chosen,
    private readonly credentials: DtlsClientCredentials,
    private readonly secrets: HandshakeSecrets,
  ) {}

  /** @throws HandshakeFailure, DecodeError */
  onCertificate({ body }: HandshakeMessage, maxChainLength: number): void {
    this.claim = claimedKey('server', this.chosen.serverCertificateType, body, maxChainLength)
    this.claimed = this.claim.identity
  }

  /** @throws HandshakeFailure, DecodeError */
  onServerKeyExchange({ body }: HandshakeMessage): void {
    const { keyExchange } = this.chosen.suite
    const { ecdh, signature } = parseServerKeyExchange(keyExchange, body)
    if (ecdh === undefined) return
    const group = Object.values(NamedGroup).find((known) => known === ecdh.group)
    if (group === undefined) {
      throw new HandshakeFailure(
        'illegal-parameter',
        `the server chose group ${ecdh.group}, which was not offered`,
        Alert.illegalParameter,
      )
    }
    if (signature !== undefined) {
      if (this.claim === undefined) throw new RangeError('no certificate')
      const signed = Buffer.concat([this.secrets.randoms, ecdh.parameters])
      checkPossession('server', this.claim.key, signature, signed)
    }
    this.agreement = createKeyAgreement(group)
    this.shared = this.agreement.agree(ecdh.point)
  }

  /**
   * With a PSK the server is authenticated by having it; its identity is ours.
   * @returns otherwise the lookup whether its key is trusted
   */
  accept(
    clock: Clock,
    server: RemoteAddress,
    onAccepted: (accepted: AcceptedPeer) => void,
  ): Question<AcceptedPeer> | undefined {
    const { claim, credentials } = this
    if (claim !== undefined) {
      return {
        ask: () => claim.accept(credentials, server, clock.now()),
        onAnswer: onAccepted,
      }
    }
    const { psk } = credentials
    if (psk === undefined) throw new RangeError('no key')
    const identity = { kind: 'psk', identity: new Uint8Array(psk.identity) } as const
    onAccepted({ identity, chain: [], validUntil: Infinity })
    return undefined
  }
}
