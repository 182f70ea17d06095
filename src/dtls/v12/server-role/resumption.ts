import { createHmac, timingSafeEqual } from 'node:crypto'
import { isStillAccepted } from '../handshake/peer-authentication'
import type { DtlsCredentials } from '../../credentials'
import { Alert } from '../../wire/constants'
import { HandshakeFailure } from '../../errors'
import type { ClientHello } from '../messages/client-hello'
import { isAllowed, type Negotiated } from './negotiation'
import type { Settings } from '../../settings'
import { findSuite } from '../../ciphers/suites'
import type { RemoteAddress } from '../../identity'
import type { DtlsSession } from '../../sessions/session'

const NO_CHECK = new Uint8Array(0)

/** Binds a session to its PSK without storing the PSK. */
export function credentialCheck(masterSecret: Uint8Array, psk: Uint8Array | undefined): Uint8Array {
  if (psk === undefined) return NO_CHECK
  return new Uint8Array(createHmac('sha256', masterSecret).update(psk).digest())
}

/**
 * Whether the credential of a session is still the same.
 * @param now wall-clock time in ms
 * @throws the errors of the lookup
 */
export async function isSessionAccepted(
  session: DtlsSession,
  credentials: DtlsCredentials,
  from: RemoteAddress,
  now: number,
): Promise<boolean> {
  const { identity } = session
  if (identity.kind !== 'psk') return isStillAccepted(session, credentials, from, now)
  const psk = await credentials.psk?.(identity.identity, from)
  if (psk === undefined) return false
  const check = credentialCheck(session.masterSecret, psk)
  return (
    check.length === session.credentialCheck.length &&
    timingSafeEqual(check, session.credentialCheck)
  )
}

/**
 * The negotiated parameters with the session's suite; undefined if the client requests or needs a
 * full handshake.
 * @throws HandshakeFailure if it offers the session without extended master secret (RFC 7627 §5.3)
 */
export function resumable(
  session: DtlsSession,
  hello: ClientHello,
  negotiated: Negotiated,
  settings: Settings,
): Negotiated | undefined {
  const { extensions } = hello
  if (!extensions.extendedMasterSecret) {
    throw new HandshakeFailure(
      'extended-master-secret-required',
      'the client resumes a session without extended master secret, with which it was made',
      Alert.handshakeFailure,
    )
  }
  const suite = findSuite(session.suite)
  if (suite === undefined || !hello.suites.includes(suite.number)) return undefined
  if (!settings.suites.includes(suite.number) || !isAllowed(suite, extensions, settings)) {
    return undefined
  }
  const encryptThenMac = extensions.encryptThenMac && suite.protection === 'cbc'
  return { ...negotiated, suite, encryptThenMac }
}
