import type { PendingHandshake } from '../../associations/pending-handshake'
import type { DtlsSession } from '../../sessions/session'
import type { HandshakeHost } from '../handshake/host'

/** What else a handshake in the client role needs. */
export interface ClientHandshakeHost extends HandshakeHost {
  /** The server uses no Connection IDs: ours is not needed. */
  releaseConnectionId(handshake: PendingHandshake): void
  /** The session that the next handshake with the same server may resume; undefined for none. */
  keepSession(handshake: PendingHandshake, session: DtlsSession | undefined): void
}
