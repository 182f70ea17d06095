import { randomFillSync } from 'node:crypto'
import type { Message } from './codec'
import type { OptionFields } from './options'
import type { PeerState } from './peers'

/** Something that waits for responses under a token: a request or an observe relation. */
export interface TokenHolder {
  state: PeerState
  /** The token, one character a byte. */
  readonly tokenKey: string
  /** The next holder of an equal token, mostly of another peer. For the table only. */
  nextHolder: TokenHolder | undefined
  /** A response came on its own, already acknowledged where it was confirmable. */
  onMessage(message: Message, fields: OptionFields): void
  /** A response came that has to be rejected. */
  onRejected(error: Error): void
}

/**
 * Responses belong to the request with the same token *of the same peer* (RFC 7252 §5.3.2). One map
 * for all peers, because a map each would weigh more than everything else about an idle peer.
 */
export class TokenTable {
  private readonly holders = new Map<string, TokenHolder>()
  private readonly random = Buffer.alloc(4096)
  private used = this.random.length

  get size(): number {
    return this.holders.size
  }

  /** Eight random bytes that nobody holds: hard to guess, as NoSec needs it (RFC 7252 §5.3.1). */
  fresh(): string {
    for (;;) {
      if (this.used === this.random.length) {
        randomFillSync(this.random)
        this.used = 0
      }
      const key = this.random.toString('latin1', this.used, (this.used += 8))
      if (!this.holders.has(key)) return key
    }
  }

  /** A holder found before an earlier one of the same token and peer. */
  add(holder: TokenHolder): void {
    holder.nextHolder = this.holders.get(holder.tokenKey)
    this.holders.set(holder.tokenKey, holder)
  }

  remove(holder: TokenHolder): void {
    const head = this.holders.get(holder.tokenKey)
    if (head === holder) {
      if (holder.nextHolder === undefined) this.holders.delete(holder.tokenKey)
      else this.holders.set(holder.tokenKey, holder.nextHolder)
    } else {
      let before = head
      while (before !== undefined && before.nextHolder !== holder) before = before.nextHolder
      if (before !== undefined) before.nextHolder = holder.nextHolder
    }
    holder.nextHolder = undefined
  }

  find(state: PeerState, tokenKey: string): TokenHolder | undefined {
    let holder = this.holders.get(tokenKey)
    while (holder !== undefined && holder.state !== state) holder = holder.nextHolder
    return holder
  }
}
