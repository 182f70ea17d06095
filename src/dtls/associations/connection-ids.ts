import { randomBytes } from 'node:crypto'
import type { Association } from './association'
import type { PendingHandshake } from './pending-handshake'
import { bytesKey } from '../sessions/session-cache'

/** The owner of one of our Connection IDs. */
export type ConnectionIdHolder = Association | PendingHandshake

/** Our Connection IDs (RFC 9146): random, each assigned to one handshake or association. */
export class ConnectionIds {
  private readonly holders = new Map<string, ConnectionIdHolder>()

  /** @param length bytes of each */
  constructor(private readonly length: number) {}

  find(connectionId: Uint8Array): ConnectionIdHolder | undefined {
    return this.holders.get(bytesKey(connectionId))
  }

  /** Creates a new, unused one. */
  allocate(holder: ConnectionIdHolder): Uint8Array {
    for (;;) {
      const connectionId = new Uint8Array(randomBytes(this.length))
      const key = bytesKey(connectionId)
      if (this.holders.has(key)) continue
      this.holders.set(key, holder)
      return connectionId
    }
  }

  /** Passes the Connection ID of a handshake to its association. */
  assign(key: string | undefined, holder: ConnectionIdHolder): void {
    if (key !== undefined) this.holders.set(key, holder)
  }

  /** Releases one, unless it has another owner now. */
  release(key: string | undefined, holder: ConnectionIdHolder): void {
    if (key !== undefined && this.holders.get(key) === holder) this.holders.delete(key)
  }
}
