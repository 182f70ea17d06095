import {
  Alert,
  CertificateType,
  EMPTY_RENEGOTIATION_INFO_SCSV,
  MAX_PLAINTEXT,
  NamedGroup,
  SignatureScheme,
  Version,
} from '../../wire/constants'
import type { DtlsCredentials } from '../../credentials'
import { HandshakeFailure } from '../../errors'
import { chooseGroup, type ClientExtensions } from '../messages/extensions'
import type { ClientHello } from '../messages/client-hello'
import type { Settings } from '../../settings'
import { type CipherSuite, findSuite } from '../../ciphers/suites'

/** The parameters negotiated by the hellos. */
export interface Negotiated {
  readonly suite: CipherSuite
  /** ECDHE suites. */
  readonly group: NamedGroup | undefined
  readonly extendedMasterSecret: boolean
  /** Only with a CBC suite (RFC 7366 §3). */
  readonly encryptThenMac: boolean
  readonly renegotiationInfo: boolean
  /**
   * The Connection ID that the client requires in our records; undefined if Connection IDs are not
   * used.
   */
  readonly peerConnectionId: Uint8Array | undefined
  /** Whether the client sent its point formats, which requires ours in return. */
  readonly pointFormats: boolean
  readonly clientCertificateType: CertificateType
  readonly serverCertificateType: CertificateType
  readonly certificateTypesOffered: { readonly client: boolean; readonly server: boolean }
  readonly maxFragmentLength: number | undefined
  readonly recordSizeLimit: number | undefined
  /** Maximum content of a record that the client accepts. */
  readonly sendLimit: number
}

/**
 * Our groups; the first is used for clients that send none: every LwM2M client has P-256 (RFC 7925
 * §4.2).
 */
const GROUPS = [NamedGroup.secp256r1, NamedGroup.x25519] as const

/** RFC 8449 §4: the minimum that a peer may send. */
const LEAST_RECORD_SIZE_LIMIT = 64

/** Negotiates all parameters. @throws HandshakeFailure */
export function negotiate(
  hello: ClientHello,
  settings: Settings,
  credentials: DtlsCredentials,
): Negotiated {
  const { extensions } = hello
  checkVersion(hello)
  if (!hello.compressionMethods.includes(0)) {
    throw illegal('the client does not offer to leave compression out')
  }
  if ((extensions.renegotiationInfo?.length ?? 0) > 0) {
    throw new HandshakeFailure(
      'illegal-parameter',
      'the client means to renegotiate (RFC 5746 §3.6)',
      Alert.handshakeFailure,
    )
  }
  if (settings.requireExtendedMasterSecret && !extensions.extendedMasterSecret) {
    throw new HandshakeFailure(
      'extended-master-secret-required',
      'the client lacks extended master secret, which is required here',
      Alert.handshakeFailure,
    )
  }
  if (extensions.pointFormats !== undefined && !extensions.pointFormats.includes(0)) {
    throw illegal('the client does not take uncompressed points')
  }
  const choice = chooseSuite(hello, settings, credentials)
  const connectionId = settings.connectionIdLength > 0 ? extensions.connectionId : undefined
  return {
    ...choice,
    extendedMasterSecret: extensions.extendedMasterSecret,
    encryptThenMac: extensions.encryptThenMac && choice.suite.protection === 'cbc',
    renegotiationInfo:
      extensions.renegotiationInfo !== undefined ||
      hello.suites.includes(EMPTY_RENEGOTIATION_INFO_SCSV),
    // A copy: the hello's bytes belong to its datagram.
    peerConnectionId: connectionId === undefined ? undefined : new Uint8Array(connectionId),
    pointFormats: extensions.pointFormats !== undefined && choice.group !== undefined,
    certificateTypesOffered: {
      client: extensions.clientCertificateTypes !== undefined,
      server: extensions.serverCertificateTypes !== undefined,
    },
    ...recordLimits(extensions),
  }
}

function illegal(reason: string): HandshakeFailure {
  return new HandshakeFailure('illegal-parameter', reason, Alert.illegalParameter)
}

function checkVersion({ version }: ClientHello): void {
  // DTLS versions count downwards: a client of a later version offers a lower number.
  if (version >> 8 === 0xfe && version <= Version.dtls12) return
  throw new HandshakeFailure(
    'version',
    `the client offers at most DTLS version 0x${version.toString(16)}, 1.2 is required`,
    Alert.protocolVersion,
  )
}

/** RFC 8449 §5: with both extensions record_size_limit is used and the other is ignored. */
function recordLimits(
  extensions: ClientExtensions,
): Pick<Negotiated, 'maxFragmentLength' | 'recordSizeLimit' | 'sendLimit'> {
  const { recordSizeLimit, maxFragmentLength } = extensions
  if (recordSizeLimit !== undefined) {
    if (recordSizeLimit < LEAST_RECORD_SIZE_LIMIT) {
      throw illegal(`a record size limit of ${recordSizeLimit}`)
    }
    const sendLimit = Math.min(recordSizeLimit, MAX_PLAINTEXT)
    return { recordSizeLimit: MAX_PLAINTEXT, maxFragmentLength: undefined, sendLimit }
  }
  if (maxFragmentLength !== undefined) {
    if (maxFragmentLength < 1 || maxFragmentLength > 4) {
      throw illegal(`max_fragment_length code ${maxFragmentLength}`)
    }
    return { recordSizeLimit: undefined, maxFragmentLength, sendLimit: 256 << maxFragmentLength }
  }
  return { recordSizeLimit: undefined, maxFragmentLength: undefined, sendLimit: MAX_PLAINTEXT }
}

type SuiteChoice = Pick<
  Negotiated,
  'suite' | 'group' | 'clientCertificateType' | 'serverCertificateType'
>

function chooseSuite(
  hello: ClientHello,
  settings: Settings,
  credentials: DtlsCredentials,
): SuiteChoice {
  let lacksEncryptThenMac = false
  for (const number of settings.suites) {
    const suite = findSuite(number)
    if (suite === undefined || !hello.suites.includes(number)) continue
    const choice = suitable(suite, hello.extensions, credentials)
    if (choice === undefined) continue
    if (isAllowed(suite, hello.extensions, settings)) return choice
    lacksEncryptThenMac = true
  }
  if (lacksEncryptThenMac) {
    throw new HandshakeFailure(
      'encrypt-then-mac-required',
      'the client offers CBC suites only, and those without encrypt-then-MAC',
      Alert.handshakeFailure,
    )
  }
  const offered = hello.suites.map((suite) => suite.toString(16).padStart(4, '0')).slice(0, 32)
  throw new HandshakeFailure(
    'no-common-suite',
    `no usable cipher suite among those offered (${offered.join(' ')})`,
    Alert.handshakeFailure,
  )
}

/** Whether the settings allow a suite with the extensions of the client. */
export function isAllowed(
  suite: CipherSuite,
  extensions: ClientExtensions,
  settings: Settings,
): boolean {
  return !settings.requireEncryptThenMac || suite.protection !== 'cbc' || extensions.encryptThenMac
}

/** The other parameters of a suite, if both sides support them. */
function suitable(
  suite: CipherSuite,
  extensions: ClientExtensions,
  credentials: DtlsCredentials,
): SuiteChoice | undefined {
  const { keyExchange } = suite
  const group = keyExchange === 'psk' ? undefined : chooseGroup(extensions.groups, GROUPS)
  const types = {
    clientCertificateType: CertificateType.x509,
    serverCertificateType: CertificateType.x509,
  }
  if (keyExchange !== 'psk' && group === undefined) return undefined
  if (keyExchange !== 'ecdhe-ecdsa') {
    return credentials.psk === undefined ? undefined : { suite, group, ...types }
  }
  // The list also applies to the curves of certificates (RFC 8422 §5.1), and ours are on P-256.
  if (extensions.groups?.includes(NamedGroup.secp256r1) === false) return undefined
  // Constrained clients omit the extension and use SHA-256 (RFC 7925 §4.2).
  const { signatureSchemes } = extensions
  if (signatureSchemes?.includes(SignatureScheme.ecdsaSha256) === false) return undefined
  const clientCertificateType = chooseClientType(extensions, credentials)
  const serverCertificateType = chooseServerType(extensions, credentials)
  if (clientCertificateType === undefined || serverCertificateType === undefined) return undefined
  return { suite, group, clientCertificateType, serverCertificateType }
}

/** RFC 7250 §4.2: the client's most preferred type that we can verify. */
function chooseClientType(
  { clientCertificateTypes }: ClientExtensions,
  credentials: DtlsCredentials,
): CertificateType | undefined {
  const { rawPublicKey, certificate, trustAnchors = [] } = credentials
  const can = {
    [CertificateType.rawPublicKey]: rawPublicKey !== undefined,
    [CertificateType.x509]: certificate !== undefined || trustAnchors.length > 0,
  }
  return firstPossible(clientCertificateTypes, can)
}

/** RFC 7250 §4.2: the client's most preferred type that we have. */
function chooseServerType(
  { serverCertificateTypes }: ClientExtensions,
  { serverKey }: DtlsCredentials,
): CertificateType | undefined {
  const can = {
    [CertificateType.rawPublicKey]: serverKey !== undefined,
    [CertificateType.x509]: (serverKey?.certificateChain ?? []).length > 0,
  }
  return firstPossible(serverCertificateTypes, can)
}

function firstPossible(
  offered: readonly number[] = [CertificateType.x509],
  can: { readonly [type in CertificateType]: boolean },
): CertificateType | undefined {
  const types: readonly CertificateType[] = [CertificateType.x509, CertificateType.rawPublicKey]
  for (const number of offered) {
    const type = types.find((known) => known === number)
    if (type !== undefined && can[type]) return type
  }
  return undefined
}
