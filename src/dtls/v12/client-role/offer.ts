import { randomBytes } from 'node:crypto'
import type { ConnectOptions, DtlsClientCredentials } from '../../client-credentials'
import { type CipherSuite, findSuite } from '../../ciphers/suites'
import { HandshakeFailure } from '../../errors'
import type { DtlsSession } from '../../sessions/session'
import type { Settings } from '../../settings'
import { CertificateType, NamedGroup } from '../../wire/constants'
import { SIGNATURE_SCHEMES } from '../handshake/peer-authentication'
import type { OfferedExtensions } from '../messages/offered-extensions'

/** The parameters offered by a client, from which the server chooses. */
export interface ClientOffer {
  readonly random: Uint8Array
  readonly suites: readonly CipherSuite[]
  readonly extensions: OfferedExtensions
  /** The session to resume. */
  readonly session: DtlsSession | undefined
}

const MAX_FRAGMENT_CODES = new Map([
  [512, 1],
  [1024, 2],
  [2048, 3],
  [4096, 4],
])

/**
 * @param connectionId ours, empty for none of our own; undefined without Connection IDs
 * @throws HandshakeFailure `no-common-suite` if the credentials support no suite
 */
export function makeOffer(
  options: ConnectOptions,
  settings: Settings,
  session: DtlsSession | undefined,
  connectionId: Uint8Array | undefined,
): ClientOffer {
  const { credentials, maxFragmentLength } = options
  const suites = (options.suites ?? settings.suites)
    .map(findSuite)
    .filter((suite): suite is CipherSuite => suite !== undefined && serves(credentials, suite))
  if (suites.length === 0) {
    throw new HandshakeFailure(
      'no-common-suite',
      'no cipher suite can be used with the credentials',
      undefined,
    )
  }
  const ecdhe = suites.some(({ keyExchange }) => keyExchange !== 'psk')
  const certificates = suites.some(({ keyExchange }) => keyExchange === 'ecdhe-ecdsa')
  const types = certificates ? certificateTypes(credentials) : NO_TYPES
  const isResumable = session !== undefined && suites.some(({ number }) => number === session.suite)
  return {
    random: new Uint8Array(randomBytes(32)),
    suites,
    session: isResumable ? session : undefined,
    extensions: {
      encryptThenMac: suites.some(({ protection }) => protection.startsWith('cbc')),
      groups: ecdhe ? [NamedGroup.secp256r1, NamedGroup.x25519] : [],
      signatureSchemes: certificates ? SIGNATURE_SCHEMES : [],
      clientCertificateTypes: types.client,
      serverCertificateTypes: types.server,
      connectionId,
      maxFragmentLength:
        maxFragmentLength === undefined ? undefined : MAX_FRAGMENT_CODES.get(maxFragmentLength),
    },
  }
}

function serves(credentials: DtlsClientCredentials, { keyExchange }: CipherSuite): boolean {
  if (keyExchange !== 'ecdhe-ecdsa') return credentials.psk !== undefined
  const { rawPublicKey, certificate, trustAnchors = [] } = credentials
  return rawPublicKey !== undefined || certificate !== undefined || trustAnchors.length > 0
}

const NO_TYPES = { client: [], server: [] }

/** RFC 7250 §4.1: omitted if only X.509 is supported. */
function certificateTypes(credentials: DtlsClientCredentials): {
  readonly client: readonly CertificateType[]
  readonly server: readonly CertificateType[]
} {
  const { keyPair, rawPublicKey, certificate, trustAnchors = [] } = credentials
  const client: CertificateType[] = []
  if (keyPair !== undefined) {
    const hasChain = (keyPair.certificateChain ?? []).length > 0
    client.push(hasChain ? CertificateType.x509 : CertificateType.rawPublicKey)
  }
  const server: CertificateType[] = []
  if (rawPublicKey !== undefined) server.push(CertificateType.rawPublicKey)
  if (certificate !== undefined || trustAnchors.length > 0) server.push(CertificateType.x509)
  const said = (types: readonly CertificateType[]): readonly CertificateType[] =>
    types.every((type) => type === CertificateType.x509) ? [] : types
  return { client: said(client), server: said(server) }
}
