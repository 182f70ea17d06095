import { Association, type AssociationInit, type LastFlight } from '../../associations/association'
import type { RecordCipher } from '../../ciphers'
import type { ProvenClient } from './client-proof'
import type { HandshakeHost } from '../handshake/host'
import type { WireAddress } from '../../identity'
import type { Negotiated } from './negotiation'
import { NO_CONNECTION_ID } from '../../records/record'
import type { ReplayWindow } from '../../records/replay'
import { bytesKey } from '../../sessions/session-cache'

/** All that a handshake leaves behind when it succeeded. */
export interface HandshakeOutcome {
  readonly remote: WireAddress
  readonly negotiated: Negotiated
  readonly client: ProvenClient
  readonly cipher: RecordCipher
  readonly window: ReplayWindow
  readonly connectionIdKey: string | undefined
  readonly writeSequence: number
  readonly clientRandom: Uint8Array
  readonly resumed: boolean
  /** Empty: nothing to resume. */
  readonly sessionId: Uint8Array
  readonly masterSecret: Uint8Array
  readonly lastFlight: LastFlight | undefined
}

/** 48 bits of the client's random: enough to know a repeated hello by. */
export function helloMark(random: Uint8Array): number {
  return Buffer.from(random).readUIntBE(26, 6)
}

/** Keeps the session, or marks it as used, and makes the association. */
export function conclude(
  outcome: HandshakeOutcome,
  { sessions, settings, clock }: HandshakeHost,
): Association {
  const { negotiated, sessionId } = outcome
  const { accepted, credentialCheck } = outcome.client
  const sessionKey = bytesKey(sessionId)
  if (outcome.resumed) sessions.touch(sessionKey)
  else if (sessionId.length > 0) {
    sessions.add({
      id: sessionId,
      masterSecret: outcome.masterSecret.slice(),
      suite: negotiated.suite.number,
      identity: accepted.identity,
      credentialCheck,
      chain: accepted.chain,
      expiresAt: Math.min(clock.now() + settings.sessionLifetime, accepted.validUntil),
    })
  }
  const init: AssociationInit = {
    remote: outcome.remote,
    identity: accepted.identity,
    cipher: outcome.cipher,
    window: outcome.window,
    connectionIdKey: outcome.connectionIdKey,
    peerConnectionId: negotiated.peerConnectionId ?? NO_CONNECTION_ID,
    writeSequence: outcome.writeSequence,
    sendLimit: negotiated.sendLimit,
    suite: negotiated.suite.number,
    sessionKey,
    resumed: outcome.resumed,
    helloMark: helloMark(outcome.clientRandom),
    lastFlight: outcome.lastFlight,
  }
  return new Association(init)
}
