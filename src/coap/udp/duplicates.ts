/** State of the response to a remembered message. */
export const Progress = {
  /** The handler runs; nothing was sent. */
  RUNNING: 0,
  /** An empty ACK was sent; a separate response follows. */
  ACKNOWLEDGED: 1,
  /** `reply` is the response, to be sent again. */
  ANSWERED: 2,
  /** Nothing is to be sent again. */
  SILENT: 3,
} as const

/** A peer whose messages are remembered. */
export interface RecentPeer {
  oldest: Recent | undefined
  newest: Recent | undefined
  recentCount: number
  /** Whether the Message-IDs ascend from the oldest to the newest, as those of most devices do. */
  ascending: boolean
}

/** A message received recently. */
export class Recent {
  /** The message received after it from the same peer. */
  newer: Recent | undefined = undefined
  /** The neighbours in the order of arrival from all peers. */
  before: Recent | undefined = undefined
  after: Recent | undefined = undefined
  progress: number = Progress.RUNNING
  /**
   * The datagram of the response, one character per byte: a small Buffer needs ten times the
   * memory.
   */
  reply = ''
  listed = true

  constructor(
    public peer: RecentPeer,
    public messageId: number,
    public hash: number,
    /** Monotonic time of its arrival in milliseconds. */
    public at: number,
  ) {}
}

/**
 * Maximum size of the replies kept for all peers together, in bytes; the oldest are dropped first.
 */
export const MOST_REPLY_BYTES = 32 << 20

/**
 * Detects duplicates (RFC 7252 §4.5): per peer the last few messages, each for EXCHANGE_LIFETIME. A
 * duplicate is an identical datagram (§4.2), not merely one with the same Message-ID: a device that
 * restarts may use the same Message-IDs again and must not receive the responses to earlier
 * requests.
 */
export class DuplicateLog {
  private first: Recent | undefined = undefined
  private last: Recent | undefined = undefined
  private bytes = 0
  private count = 0

  /**
   * @param perPeer messages remembered per peer
   * @param lifetime milliseconds
   */
  constructor(
    private readonly perPeer: number,
    private readonly lifetime: number,
  ) {}

  /** Number of messages remembered. */
  get size(): number {
    return this.count
  }

  find(peer: RecentPeer, messageId: number, hash: number, now: number): Recent | undefined {
    const { oldest, newest } = peer
    if (oldest === undefined || newest === undefined) return undefined
    // Most Message-IDs are higher than the newest one remembered: no search is needed then.
    if (peer.ascending && place(messageId, oldest) > place(newest.messageId, oldest)) {
      return undefined
    }
    let ascending = true
    let last = -1
    for (let entry: Recent | undefined = oldest; entry !== undefined; entry = entry.newer) {
      if (entry.messageId === messageId && entry.hash === hash && now - entry.at < this.lifetime) {
        return entry
      }
      const at = place(entry.messageId, oldest)
      if (at <= last) ascending = false
      last = at
    }
    peer.ascending = ascending
    return undefined
  }

  /** Undefined if as many messages of the peer are in progress as may be remembered. */
  remember(peer: RecentPeer, messageId: number, hash: number, now: number): Recent | undefined {
    if (peer.recentCount < this.perPeer) {
      const entry = new Recent(peer, messageId, hash, now)
      this.insert(entry)
      return entry
    }
    let entry = peer.oldest
    while (entry?.progress === Progress.RUNNING) entry = entry.newer
    if (entry === undefined) return undefined
    this.drop(entry)
    // Reused: short-lived objects that become old are the most expensive for the garbage collector.
    entry.messageId = messageId
    entry.hash = hash
    entry.at = now
    entry.progress = Progress.RUNNING
    entry.listed = true
    this.insert(entry)
    return entry
  }

  /** Keeps the response for later duplicates. */
  answer(entry: Recent, datagram: Buffer): void {
    entry.progress = Progress.ANSWERED
    if (!entry.listed) return
    this.bytes += datagram.length - entry.reply.length
    entry.reply = datagram.toString('latin1')
    while (this.bytes > MOST_REPLY_BYTES && this.first !== undefined) this.drop(this.first)
  }

  /** Drops messages older than the lifetime. */
  expire(now: number): void {
    while (this.first !== undefined && now - this.first.at >= this.lifetime) this.drop(this.first)
  }

  forget(peer: RecentPeer): void {
    while (peer.oldest !== undefined) this.drop(peer.oldest)
  }

  /** Moves the messages of one peer to another, before its own (it moved). */
  move(from: RecentPeer, to: RecentPeer): void {
    const { newest } = from
    if (newest === undefined) return
    for (let entry = from.oldest; entry !== undefined; entry = entry.newer) entry.peer = to
    newest.newer = to.oldest
    to.oldest = from.oldest
    to.newest ??= newest
    to.recentCount += from.recentCount
    to.ascending = false
    from.oldest = from.newest = undefined
    from.recentCount = 0
  }

  private insert(entry: Recent): void {
    const { peer } = entry
    const { oldest, newest } = peer
    if (oldest === undefined || newest === undefined) {
      peer.oldest = entry
      peer.ascending = true
    } else {
      newest.newer = entry
      peer.ascending &&= place(entry.messageId, oldest) > place(newest.messageId, oldest)
    }
    peer.newest = entry
    peer.recentCount++
    entry.before = this.last
    if (this.last === undefined) this.first = entry
    else this.last.after = entry
    this.last = entry
    this.count++
  }

  private drop(entry: Recent): void {
    const { peer, before, after } = entry
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    this.dropFrom(peer, entry)
    this.count--
    this.bytes -= entry.reply.length
    entry.before = entry.after = undefined
    entry.reply = ''
    entry.listed = false
  }

  private dropFrom(peer: RecentPeer, entry: Recent): void {
    let older: Recent | undefined
    if (peer.oldest === entry) peer.oldest = entry.newer
    else {
      older = peer.oldest
      while (older !== undefined && older.newer !== entry) older = older.newer
      if (older !== undefined) older.newer = entry.newer
    }
    if (peer.newest === entry) peer.newest = older
    peer.recentCount--
    entry.newer = undefined
  }
}

/** Distance of a Message-ID from that of the oldest message, modulo 2^16. */
function place(messageId: number, oldest: Recent): number {
  return (messageId - oldest.messageId) & 0xffff
}
