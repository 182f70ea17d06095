import { randomBytes, sign } from 'node:crypto'
import { SIGNATURE_SCHEMES } from '../handshake/peer-authentication'
import { CertificateType, HandshakeType, SignatureScheme } from '../../wire/constants'
import type { DtlsCredentials, ServerKey } from '../../credentials'
import type { FlightBuilder } from '../handshake/flight-builder'
import type { KeyAgreement } from '../../key-agreement'
import { buildCertificateChain, buildRawPublicKey } from '../messages/certificate'
import { buildCertificateRequest } from '../messages/certificate-request'
import { buildServerHello } from '../messages/server-hello'
import {
  buildEcdhParameters,
  buildPskKeyExchange,
  buildSignedKeyExchange,
} from '../messages/server-key-exchange'
import type { Negotiated } from './negotiation'

/** The body of our ServerHello. */
export function serverHello(
  negotiated: Negotiated,
  random: Uint8Array,
  sessionId: Uint8Array,
  connectionId: Uint8Array | undefined,
): Buffer {
  const { suite, certificateTypesOffered: offered } = negotiated
  const certificates = suite.keyExchange === 'ecdhe-ecdsa'
  return buildServerHello({
    random,
    sessionId,
    suite: suite.number,
    extensions: {
      extendedMasterSecret: negotiated.extendedMasterSecret,
      encryptThenMac: negotiated.encryptThenMac,
      renegotiationInfo: negotiated.renegotiationInfo,
      connectionId,
      pointFormats: negotiated.pointFormats,
      clientCertificateType:
        certificates && offered.client ? negotiated.clientCertificateType : undefined,
      serverCertificateType:
        certificates && offered.server ? negotiated.serverCertificateType : undefined,
      maxFragmentLength: negotiated.maxFragmentLength,
      recordSizeLimit: negotiated.recordSizeLimit,
    },
  })
}

/** The messages after ServerHello in a full handshake, up to ServerHelloDone (RFC 5246 §7.3). */
export function addKeyExchange(
  flight: FlightBuilder,
  negotiated: Negotiated,
  agreement: KeyAgreement | undefined,
  randoms: Uint8Array,
  credentials: DtlsCredentials,
): void {
  const { keyExchange } = negotiated.suite
  const parameters = agreement && buildEcdhParameters(agreement.group, agreement.point)
  if (parameters !== undefined && keyExchange === 'ecdhe-psk') {
    flight.message(0, HandshakeType.serverKeyExchange, buildPskKeyExchange(parameters))
  } else if (parameters !== undefined) {
    const { serverKey } = credentials
    // It may have been removed while a session was looked up.
    if (serverKey === undefined) throw new RangeError('the server has no key any more')
    flight
      .message(0, HandshakeType.certificate, ownCertificate(negotiated, serverKey))
      .message(
        0,
        HandshakeType.serverKeyExchange,
        signedKeyExchange(parameters, randoms, serverKey),
      )
      .message(0, HandshakeType.certificateRequest, certificateRequest())
  }
  flight.message(0, HandshakeType.serverHelloDone, new Uint8Array(0))
}

function ownCertificate({ serverCertificateType }: Negotiated, key: ServerKey): Buffer {
  return serverCertificateType === CertificateType.rawPublicKey
    ? buildRawPublicKey(key.publicKey)
    : buildCertificateChain((key.certificateChain ?? []).map(({ raw }) => raw))
}

function signedKeyExchange(parameters: Buffer, randoms: Uint8Array, { privateKey }: ServerKey) {
  const signature = sign('sha256', Buffer.concat([randoms, parameters]), {
    key: privateKey,
    dsaEncoding: 'der',
  })
  return buildSignedKeyExchange(parameters, SignatureScheme.ecdsaSha256, signature)
}

/**
 * No CAs are listed: pinned certificates have none, and a name per trust anchor only costs airtime.
 */
function certificateRequest(): Buffer {
  return buildCertificateRequest(SIGNATURE_SCHEMES, [])
}

/** The server's 32 random bytes, without a time (RFC 7925 §4.4). */
export function serverRandom(): Buffer {
  return randomBytes(32)
}
