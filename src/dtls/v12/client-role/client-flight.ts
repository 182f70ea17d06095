import { sign } from 'node:crypto'
import type { DtlsClientCredentials } from '../../client-credentials'
import type { ServerKey } from '../../credentials'
import { HandshakeFailure } from '../../errors'
import { Alert, CertificateType, HandshakeType, SignatureScheme } from '../../wire/constants'
import type { FlightBuilder } from '../handshake/flight-builder'
import type { HandshakeSecrets } from '../handshake/secrets'
import { pskPremaster } from '../keys/key-schedule'
import { buildCertificateChain, buildRawPublicKey } from '../messages/certificate'
import type { CertificateRequest } from '../messages/certificate-request'
import { buildCertificateVerify } from '../messages/certificate-verify'
import { buildClientKeyExchange } from '../messages/client-key-exchange'
import type { Chosen } from './answer'
import type { ServerProof } from './server-proof'

/**
 * The response to ServerHelloDone, up to ChangeCipherSpec (RFC 5246 §7.3). Also derives the master
 * secret: its extended form covers the messages up to ClientKeyExchange.
 * @param request undefined if the server requested no certificate
 * @throws HandshakeFailure `no-certificate` if the server accepts none that we have
 */
export function addClientKeys(
  flight: FlightBuilder,
  chosen: Chosen,
  proof: ServerProof,
  request: CertificateRequest | undefined,
  secrets: HandshakeSecrets,
  credentials: DtlsClientCredentials,
): void {
  const keyPair = request && ownKey(request, chosen, credentials)
  if (request !== undefined) {
    flight.message(0, HandshakeType.certificate, ownCertificate(chosen, keyPair))
  }
  const { agreement, shared } = proof
  const psk = chosen.suite.keyExchange === 'ecdhe-ecdsa' ? undefined : credentials.psk
  flight.message(
    0,
    HandshakeType.clientKeyExchange,
    buildClientKeyExchange({ identity: psk?.identity, point: agreement?.point }),
  )
  const premaster = psk === undefined ? shared : pskPremaster(psk.key, shared)
  if (premaster === undefined) throw new RangeError('no key exchange')
  secrets.derive(premaster)
  shared?.fill(0)
  if (keyPair !== undefined) {
    const signature = sign('sha256', secrets.transcript.takeMessages(), {
      key: keyPair.privateKey,
      dsaEncoding: 'der',
    })
    const body = buildCertificateVerify({ scheme: SignatureScheme.ecdsaSha256, signature })
    flight.message(0, HandshakeType.certificateVerify, body)
  }
}

/** The key to use; undefined if there is none: the server then decides whether to continue. */
function ownKey(
  { takesEcdsa, signatureSchemes }: CertificateRequest,
  { clientCertificateType }: Chosen,
  { keyPair }: DtlsClientCredentials,
): ServerKey | undefined {
  if (keyPair === undefined) return undefined
  const takesHash = signatureSchemes.includes(SignatureScheme.ecdsaSha256)
  if (takesEcdsa && takesHash && clientCertificateType !== undefined) return keyPair
  throw new HandshakeFailure(
    'no-certificate',
    'the server takes no certificate or key of the kind that this client has',
    Alert.handshakeFailure,
  )
}

function ownCertificate({ clientCertificateType }: Chosen, keyPair: ServerKey | undefined): Buffer {
  if (clientCertificateType === CertificateType.rawPublicKey) {
    return buildRawPublicKey(keyPair?.publicKey ?? new Uint8Array(0))
  }
  return buildCertificateChain((keyPair?.certificateChain ?? []).map(({ raw }) => raw))
}
