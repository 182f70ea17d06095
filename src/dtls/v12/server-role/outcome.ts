import type { Association } from '../../associations/association'
import { bytesKey } from '../../sessions/session-cache'
import { type HandshakeOutcome, toAssociation } from '../handshake/outcome'
import type { ProvenClient } from './client-proof'
import type { ServerHandshakeHost } from './server-host'

/** The result of a successful handshake in the server role. */
export interface ServerOutcome extends Omit<HandshakeOutcome, 'role' | 'identity' | 'sessionKey'> {
  readonly client: ProvenClient
  /** Empty if the session cannot be resumed. */
  readonly sessionId: Uint8Array
  readonly masterSecret: Uint8Array
}

/** Stores the session, or marks it as used, and creates the association. */
export function conclude(
  { client, sessionId, masterSecret, ...outcome }: ServerOutcome,
  { sessions, settings, clock }: ServerHandshakeHost,
): Association {
  const { accepted, credentialCheck } = client
  const sessionKey = bytesKey(sessionId)
  if (outcome.resumed) sessions.touch(sessionKey)
  else if (sessionId.length > 0) {
    sessions.add({
      id: sessionId,
      masterSecret: masterSecret.slice(),
      suite: outcome.negotiated.suite.number,
      identity: accepted.identity,
      credentialCheck,
      chain: accepted.chain,
      expiresAt: Math.min(clock.now() + settings.sessionLifetime, accepted.validUntil),
    })
  }
  return toAssociation({ ...outcome, role: 'server', identity: accepted.identity, sessionKey })
}
