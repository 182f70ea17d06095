import type { DtlsCredentials, PresentedCertificate, ServerKey } from '../../dtls/credentials'
import type { RemoteAddress } from '../../dtls/identity'
import type { AuthorizationRequests } from './authorization-requests'
import { certificateKey, identityText, pskKey, rpkKey } from './credential'
import type { PeerLookups } from './peer-lookups'

/** {@link PeerLookups} that ask the application about who is not known, and then look again. */
export class AskingLookups implements DtlsCredentials {
  readonly serverKey: ServerKey | undefined
  readonly trustAnchors: DtlsCredentials['trustAnchors']

  constructor(
    private readonly known: PeerLookups,
    private readonly requests: AuthorizationRequests,
  ) {
    this.serverKey = known.serverKey
    this.trustAnchors = known.trustAnchors
  }

  psk(
    identity: Uint8Array,
    from: RemoteAddress,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const { known, requests } = this
    const key = known.psk(identity)
    if (key !== undefined) return key
    const about = { kind: 'handshake', security: 'psk', identity: identityText(identity) } as const
    return requests.ask(pskKey(identity), from, about).then(() => known.psk(identity))
  }

  rawPublicKey(publicKey: Uint8Array, from: RemoteAddress): boolean | Promise<boolean> {
    const { known, requests } = this
    if (known.rawPublicKey(publicKey)) return true
    const text = pem('PUBLIC KEY', publicKey)
    const about = { kind: 'handshake', security: 'rpk', publicKey: text } as const
    return requests.ask(rpkKey(publicKey), from, about).then(() => known.rawPublicKey(publicKey))
  }

  certificate(presented: PresentedCertificate, from: RemoteAddress): boolean | Promise<boolean> {
    const { known, requests } = this
    if (known.certificate(presented)) return true
    const { leaf, identity } = presented
    const about = {
      kind: 'handshake',
      security: 'x509',
      identity: identity.commonName ?? identity.subject,
      certificate: pem('CERTIFICATE', leaf.raw),
    } as const
    return requests
      .ask(certificateKey(leaf.raw), from, about)
      .then(() => known.certificate(presented))
  }
}

function pem(what: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${what}-----`, ...lines, `-----END ${what}-----`, ''].join('\n')
}
