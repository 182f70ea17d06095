import type { CipherSuite } from '../../ciphers/suites'
import { HandshakeFailure } from '../../errors'
import type { Settings } from '../../settings'
import { Alert, CertificateType, ExtensionType, MAX_PLAINTEXT, Version } from '../../wire/constants'
import type { AnsweredExtensions } from '../messages/offered-extensions'
import type { ReceivedServerHello } from '../messages/server-hello'
import type { ClientOffer } from './offer'

/** The parameters that the server chose from a {@link ClientOffer}. */
export interface Chosen {
  readonly suite: CipherSuite
  readonly extendedMasterSecret: boolean
  /** Only with a CBC suite (RFC 7366 §3). */
  readonly encryptThenMac: boolean
  /** The Connection ID in our records; undefined if Connection IDs are not used. */
  readonly peerConnectionId: Uint8Array | undefined
  /** Certificate suites: undefined if the server accepts no type that we have. */
  readonly clientCertificateType: CertificateType | undefined
  readonly serverCertificateType: CertificateType
  /** Maximum content of a record sent by either end. */
  readonly sendLimit: number
  /** The server accepted the offered session. */
  readonly resumed: boolean
}

/**
 * Checks a ServerHello against the offer.
 * @throws HandshakeFailure if it chooses anything that was not offered, or less than is required
 */
export function checkAnswer(
  hello: ReceivedServerHello,
  offer: ClientOffer,
  settings: Settings,
): Chosen {
  const { extensions } = hello
  if (hello.version !== Version.dtls12) {
    throw new HandshakeFailure(
      'version',
      `the server chose DTLS version 0x${hello.version.toString(16)}; 1.2 is needed`,
      Alert.protocolVersion,
    )
  }
  const suite = offer.suites.find(({ number }) => number === hello.suite)
  if (suite === undefined) throw illegal(`suite 0x${hello.suite.toString(16)}`)
  if (hello.compressionMethod !== 0) throw illegal('a compression method')
  checkExtensions(extensions, offer)
  const resumed = isResumed(hello, offer, suite)
  const encryptThenMac = extensions.encryptThenMac && suite.protection.startsWith('cbc')
  checkRequirements(extensions, suite, encryptThenMac, resumed, settings)
  const { maxFragmentLength, connectionId } = extensions
  return {
    suite,
    resumed,
    encryptThenMac,
    extendedMasterSecret: extensions.extendedMasterSecret,
    // A copy: the message belongs to the handshake.
    peerConnectionId: connectionId === undefined ? undefined : new Uint8Array(connectionId),
    ...certificateTypes(suite, extensions, offer),
    sendLimit: maxFragmentLength === undefined ? MAX_PLAINTEXT : 256 << maxFragmentLength,
  }
}

function illegal(what: string): HandshakeFailure {
  return new HandshakeFailure(
    'illegal-parameter',
    `the server chose ${what}, which was not offered`,
    Alert.illegalParameter,
  )
}

/** RFC 5246 §7.4.1.4: no extension may be answered that was not offered. */
function checkExtensions(answered: AnsweredExtensions, { extensions: offered }: ClientOffer): void {
  const possible = new Set<number>([
    ExtensionType.renegotiationInfo,
    ExtensionType.extendedMasterSecret,
  ])
  if (offered.encryptThenMac) possible.add(ExtensionType.encryptThenMac)
  if (offered.groups.length > 0) possible.add(ExtensionType.ecPointFormats)
  if (offered.clientCertificateTypes.length > 0) {
    possible.add(ExtensionType.clientCertificateType)
  }
  if (offered.serverCertificateTypes.length > 0) {
    possible.add(ExtensionType.serverCertificateType)
  }
  if (offered.maxFragmentLength !== undefined) possible.add(ExtensionType.maxFragmentLength)
  if (offered.connectionId !== undefined) possible.add(ExtensionType.connectionId)
  const foreign = answered.types.find((type) => !possible.has(type))
  if (foreign !== undefined) {
    throw new HandshakeFailure(
      'illegal-parameter',
      `the server answered extension ${foreign}, which was not offered`,
      Alert.unsupportedExtension,
    )
  }
  if ((answered.renegotiationInfo?.length ?? 0) > 0) {
    throw new HandshakeFailure(
      'illegal-parameter',
      'the server means to renegotiate (RFC 5746 §3.4)',
      Alert.handshakeFailure,
    )
  }
  if (answered.pointFormats !== undefined && !answered.pointFormats.includes(0)) {
    throw new HandshakeFailure(
      'illegal-parameter',
      'the server does not take uncompressed points',
      Alert.illegalParameter,
    )
  }
  const { maxFragmentLength } = answered
  if (maxFragmentLength !== undefined && maxFragmentLength !== offered.maxFragmentLength) {
    throw illegal(`max_fragment_length code ${maxFragmentLength}`)
  }
}

function isResumed(
  { sessionId, extensions }: ReceivedServerHello,
  { session }: ClientOffer,
  suite: CipherSuite,
): boolean {
  if (session === undefined || Buffer.compare(sessionId, session.id) !== 0) return false
  if (suite.number !== session.suite) throw illegal('another suite for the session')
  // RFC 7627 §5.3: only sessions with it are stored.
  if (!extensions.extendedMasterSecret) {
    throw new HandshakeFailure(
      'extended-master-secret-required',
      'the server resumes a session without extended master secret, with which it was made',
      Alert.handshakeFailure,
    )
  }
  return true
}

function checkRequirements(
  extensions: AnsweredExtensions,
  suite: CipherSuite,
  encryptThenMac: boolean,
  resumed: boolean,
  settings: Settings,
): void {
  if (settings.requireExtendedMasterSecret && !resumed && !extensions.extendedMasterSecret) {
    throw new HandshakeFailure(
      'extended-master-secret-required',
      'the server lacks extended master secret, which is required here',
      Alert.handshakeFailure,
    )
  }
  const isCbc = suite.protection.startsWith('cbc')
  if (settings.requireEncryptThenMac && isCbc && !encryptThenMac) {
    throw new HandshakeFailure(
      'encrypt-then-mac-required',
      'the server chose a CBC suite without encrypt-then-MAC',
      Alert.handshakeFailure,
    )
  }
}

/** The default is X.509 (RFC 7250 §4.2); a type must be one of those that we offered. */
function certificateTypes(
  { keyExchange }: CipherSuite,
  answered: AnsweredExtensions,
  { extensions: offered }: ClientOffer,
): Pick<Chosen, 'clientCertificateType' | 'serverCertificateType'> {
  if (keyExchange !== 'ecdhe-ecdsa') {
    return { clientCertificateType: undefined, serverCertificateType: CertificateType.x509 }
  }
  const client = choice(answered.clientCertificateType, offered.clientCertificateTypes)
  const server = choice(answered.serverCertificateType, offered.serverCertificateTypes)
  // A server that requests no certificate sends no certificate type.
  if (client === undefined && answered.clientCertificateType !== undefined) {
    throw illegal(`client certificate type ${answered.clientCertificateType}`)
  }
  if (server === undefined) {
    throw illegal(`server certificate type ${answered.serverCertificateType ?? 0}`)
  }
  return { clientCertificateType: client, serverCertificateType: server }
}

function choice(
  answered: number = CertificateType.x509,
  offered: readonly number[],
): CertificateType | undefined {
  const possible = offered.length === 0 ? [CertificateType.x509] : offered
  const types: readonly CertificateType[] = [CertificateType.x509, CertificateType.rawPublicKey]
  return types.find((type) => type === answered && possible.includes(type))
}
