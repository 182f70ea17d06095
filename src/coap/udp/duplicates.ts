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
  /** The newest one. */
  recent: Recent | undefined
  recentCount: number
}

/** A message received not long ago. */
export class Recent {
  /** The one received before it from the same peer. */
  older: Recent | undefined = undefined
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
    for (let entry = peer.recent; entry !== undefined; entry = entry.older) {
      if (entry.messageId === messageId && entry.hash === hash) {
        return now - entry.at < this.lifetime ? entry : undefined
      }
    }
    return undefined
  }

  /** Undefined when the peer already has as many messages in work as may be remembered. */
  remember(peer: RecentPeer, messageId: number, hash: number, now: number): Recent | undefined {
    if (peer.recentCount < this.perPeer) {
      const entry = new Recent(peer, messageId, hash, now)
      this.insert(entry)
      return entry
    }
    let oldest: Recent | undefined
    for (let entry = peer.recent; entry !== undefined; entry = entry.older) {
      if (entry.progress !== Progress.RUNNING) oldest = entry
    }
    if (oldest === undefined) return undefined
    this.drop(oldest)
    // Used again: objects that get old before they die are what costs a garbage collector most.
    oldest.messageId = messageId
    oldest.hash = hash
    oldest.at = now
    oldest.progress = Progress.RUNNING
    oldest.listed = true
    this.insert(oldest)
    return oldest
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
    while (peer.recent !== undefined) this.drop(peer.recent)
  }

  /** Appends the messages of one peer to those of another (it moved). */
  move(from: RecentPeer, to: RecentPeer): void {
    if (from.recent === undefined) return
    let oldest: Recent | undefined
    for (let entry = to.recent; entry !== undefined; entry = entry.older) oldest = entry
    for (let entry: Recent | undefined = from.recent; entry !== undefined; entry = entry.older) {
      entry.peer = to
    }
    if (oldest === undefined) to.recent = from.recent
    else oldest.older = from.recent
    to.recentCount += from.recentCount
    from.recent = undefined
    from.recentCount = 0
  }

  private insert(entry: Recent): void {
    const { peer } = entry
    entry.older = peer.recent
    peer.recent = entry
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
    if (peer.recent === entry) peer.recent = entry.older
    else {
      let newer = peer.recent
      while (newer !== undefined && newer.older !== entry) newer = newer.older
      if (newer !== undefined) newer.older = entry.older
    }
    peer.recentCount--
    this.count--
    this.bytes -= entry.reply.length
    entry.before = entry.after = entry.older = undefined
    entry.reply = ''
    entry.listed = false
  }
}
