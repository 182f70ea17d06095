import type { DtlsCredentials } from '../../credentials'
import type { SessionCache } from '../../sessions/session-cache'
import type { HandshakeHost } from '../handshake/host'

/** What else a handshake in the server role needs. */
export interface ServerHandshakeHost extends HandshakeHost {
  readonly credentials: DtlsCredentials
  readonly sessions: SessionCache
  /** Whether there are so many handshakes that each gets a shorter timeout. */
  isCrowded(): boolean
}
