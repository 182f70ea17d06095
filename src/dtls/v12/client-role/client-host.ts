import type { PendingHandshake } from '../../associations/pending-handshake'
import type { DtlsSession } from '../../sessions/session'
import type { HandshakeHost } from '../handshake/host'

/** What a handshake in the client role needs besides. */
export interface ClientHandshakeHost extends HandshakeHost {
  /** The server uses no Connection IDs: ours is not needed. */
  releaseConnectionId(handshake: PendingHandshake): void
  /** What the next handshake with the same server may resume; undefined for nothing. */
  keepSession(handshake: PendingHandshake, session: DtlsSession | undefined): void
}
