import type { DtlsCredentials } from '../../credentials'
import type { SessionCache } from '../../sessions/session-cache'
import type { HandshakeHost } from '../handshake/host'

/** What a handshake in the server role needs besides. */
export interface ServerHandshakeHost extends HandshakeHost {
  readonly credentials: DtlsCredentials
  readonly sessions: SessionCache
  /** Whether there are so many handshakes that each gets less time. */
  isCrowded(): boolean
}
