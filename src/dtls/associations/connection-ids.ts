import { randomBytes } from 'node:crypto'
import type { Association } from './association'
import type { PendingHandshake } from './pending-handshake'
import { bytesKey } from '../sessions/session-cache'

/** Who records with one of our Connection IDs belong to. */
export type ConnectionIdHolder = Association | PendingHandshake

/** Our Connection IDs (RFC 9146): random, each given to one handshake or association. */
export class ConnectionIds {
  private readonly holders = new Map<string, ConnectionIdHolder>()

  /** @param length bytes of each */
  constructor(private readonly length: number) {}

  find(connectionId: Uint8Array): ConnectionIdHolder | undefined {
    return this.holders.get(bytesKey(connectionId))
  }

  /** A new one, which nobody has. */
  allocate(holder: ConnectionIdHolder): Uint8Array {
    for (;;) {
      const connectionId = new Uint8Array(randomBytes(this.length))
      const key = bytesKey(connectionId)
      if (this.holders.has(key)) continue
      this.holders.set(key, holder)
      return connectionId
    }
  }

  /** An association takes over that of its handshake. */
  assign(key: string | undefined, holder: ConnectionIdHolder): void {
    if (key !== undefined) this.holders.set(key, holder)
  }

  /** Forgets one, unless it has another holder by now. */
  release(key: string | undefined, holder: ConnectionIdHolder): void {
    if (key !== undefined && this.holders.get(key) === holder) this.holders.delete(key)
  }
}
