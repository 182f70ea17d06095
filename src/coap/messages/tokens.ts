import { randomFillSync } from 'node:crypto'
import type { Message } from './codec'
import type { OptionFields } from '../options'
import type { PeerState } from '../peers'

/**
 * Something that waits for responses under a token: a request or an observe relation. A response
 * belongs to the holder with the same token *of the same peer* (RFC 7252 §5.3.2).
 */
export interface TokenHolder {
  state: PeerState
  /** The token, one character a byte. */
  readonly tokenKey: string
  /** The next one in the list of whoever keeps it. */
  nextHolder: TokenHolder | undefined
  /** A response came on its own, already acknowledged where it was confirmable. */
  onMessage(message: Message, fields: OptionFields): void
  /** A response came that has to be rejected. */
  onRejected(error: Error): void
}

/**
 * The holders that stay: observe relations. One map for all peers, because a map each would weigh
 * more than everything else about an idle peer. Requests are not in it but in a list of their peer:
 * a map whose entries come and go all the time makes V8 copy its table every few dozen changes, and
 * the tables left behind keep everything alive that was in them until the next major collection.
 */
export class TokenTable {
  private readonly holders = new Map<string, TokenHolder>()
  private readonly random = Buffer.alloc(4096)
  private used = this.random.length

  get size(): number {
    return this.holders.size
  }

  /** Eight random bytes: hard to guess, as NoSec needs it (RFC 7252 §5.3.1), and never twice. */
  fresh(): string {
    if (this.used === this.random.length) {
      randomFillSync(this.random)
      this.used = 0
    }
    return this.random.toString('latin1', this.used, (this.used += 8))
  }

  /** One holder a token and peer: an earlier one has to be removed first. */
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

  /** The peers that have a relation with this token: one, unless somebody chose tokens on his own. */
  statesOf(tokenKey: string): PeerState[] {
    const states: PeerState[] = []
    let holder = this.holders.get(tokenKey)
    while (holder !== undefined) {
      states.push(holder.state)
      holder = holder.nextHolder
    }
    return states
  }

  find(state: PeerState, tokenKey: string): TokenHolder | undefined {
    let holder = this.holders.get(tokenKey)
    while (holder !== undefined && holder.state !== state) holder = holder.nextHolder
    return holder
  }
}

/** A request waits for its response. It is found before a relation with the same token. */
export function addExchange(holder: TokenHolder): void {
  holder.nextHolder = holder.state.exchange
  holder.state.exchange = holder
}

export function removeExchange(holder: TokenHolder): void {
  const { state } = holder
  if (state.exchange === holder) state.exchange = holder.nextHolder
  else {
    let before = state.exchange
    while (before !== undefined && before.nextHolder !== holder) before = before.nextHolder
    if (before !== undefined) before.nextHolder = holder.nextHolder
  }
  holder.nextHolder = undefined
}

/** The request of this peer with this token. */
export function findExchange(state: PeerState, tokenKey: string): TokenHolder | undefined {
  let holder = state.exchange
  while (holder !== undefined && holder.tokenKey !== tokenKey) holder = holder.nextHolder
  return holder
}
