/** How far the answer to a remembered message got. */
export const Progress = {
  /** The handler runs; nothing was sent. */
  RUNNING: 0,
  /** An empty ACK was sent; a response follows on its own. */
  ACKNOWLEDGED: 1,
  /** `reply` is the answer, to be sent again. */
  ANSWERED: 2,
  /** Nothing is to be sent again. */
  SILENT: 3,
} as const

/** Whom messages are remembered of. */
export interface RecentPeer {
  oldest: Recent | undefined
  newest: Recent | undefined
  recentCount: number
  /** Whether the Message-IDs ascend from the oldest to the newest, as those of most devices do. */
  ascending: boolean
}

/** A message received not long ago. */
export class Recent {
  /** The one received after it from the same peer. */
  newer: Recent | undefined = undefined
  /** The neighbours in the order of arrival from all peers. */
  before: Recent | undefined = undefined
  after: Recent | undefined = undefined
  progress: number = Progress.RUNNING
  /** The datagram that answered, one character a byte: a small Buffer costs ten times as much. */
  reply = ''
  listed = true

  constructor(
    public peer: RecentPeer,
    public messageId: number,
    public hash: number,
    /** Monotonic milliseconds of its arrival. */
    public at: number,
  ) {}
}

/** Bytes of replies kept for all peers together; the oldest go first. */
export const MOST_REPLY_BYTES = 32 << 20

/**
 * Detects duplicates (RFC 7252 §4.5): per peer the last few messages, each for EXCHANGE_LIFETIME. A
 * duplicate is the same datagram (§4.2: a retransmission is identical), not merely the same
 * Message-ID: a device that restarts may begin with the same Message-IDs again, and must not get
 * the answers to what it asked in its former life.
 */
export class DuplicateLog {
  private first: Recent | undefined = undefined
  private last: Recent | undefined = undefined
  private bytes = 0
  private count = 0

  /**
   * @param perPeer messages remembered of one peer
   * @param lifetime milliseconds
   */
  constructor(
    private readonly perPeer: number,
    private readonly lifetime: number,
  ) {}

  /** Messages remembered. */
  get size(): number {
    return this.count
  }

  find(peer: RecentPeer, messageId: number, hash: number, now: number): Recent | undefined {
    const { oldest, newest } = peer
    if (oldest === undefined || newest === undefined) return undefined
    // Most Message-IDs are behind the newest one: then there is no need to look at them all.
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

  /** Undefined when the peer already has as many messages in work as may be remembered. */
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
    // Used again: objects that get old before they die are what costs a garbage collector most.
    entry.messageId = messageId
    entry.hash = hash
    entry.at = now
    entry.progress = Progress.RUNNING
    entry.listed = true
    this.insert(entry)
    return entry
  }

  /** Keeps the answer for the duplicates to come. */
  answer(entry: Recent, datagram: Buffer): void {
    entry.progress = Progress.ANSWERED
    if (!entry.listed) return
    this.bytes += datagram.length - entry.reply.length
    entry.reply = datagram.toString('latin1')
    while (this.bytes > MOST_REPLY_BYTES && this.first !== undefined) this.drop(this.first)
  }

  /** Drops what is older than the lifetime. */
  expire(now: number): void {
    while (this.first !== undefined && now - this.first.at >= this.lifetime) this.drop(this.first)
  }

  forget(peer: RecentPeer): void {
    while (peer.oldest !== undefined) this.drop(peer.oldest)
  }

  /** The messages of one peer become those of another, older than its own (it moved). */
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

/** How far a Message-ID is from that of the oldest message, counted up (they wrap). */
function place(messageId: number, oldest: Recent): number {
  return (messageId - oldest.messageId) & 0xffff
}
