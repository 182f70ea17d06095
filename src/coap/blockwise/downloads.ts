import { type Scheduler, Timer } from '../../base/scheduler'
import { hashBytes } from '../hash'
import { Hold, type PeerFollower, type PeerState } from '../peers'
import type { Settings } from '../settings'
import type { BodyBudget } from './body-budget'
import type { ResponsePart } from './response-part'

/** Bodies kept per peer at a time; the oldest is dropped. */
const MOST_DOWNLOADS = 4

/**
 * A response body that a client fetches block by block. As a timer, it is the time for which the
 * body is kept.
 */
class Download extends Timer {
  constructor(
    private readonly downloads: Downloads,
    public state: PeerState,
    readonly key: string,
    readonly requestHash: number,
    readonly whole: ResponsePart,
  ) {
    super()
  }

  get size(): number {
    return this.whole.payload?.length ?? 0
  }

  onTimer(): void {
    this.downloads.remove(this)
  }
}

/** By key. */
type PeerDownloads = Map<string, Download>

/**
 * Response bodies larger than a block, of all peers (RFC 7959 §2.4). They are kept so that all
 * blocks are of one state of the resource and the handler is called once per body.
 */
export class Downloads implements PeerFollower {
  /** @param budget memory limit of the kept bodies */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly budget: BodyBudget,
  ) {}

  /**
   * The kept response to which a request for a later block belongs.
   * @param payload of the request; identifies the body of a FETCH together with the options, unless
   *   omitted
   */
  find(state: PeerState, key: string, payload: Uint8Array): ResponsePart | undefined {
    const download = downloadsOf(state)?.get(key)
    if (download === undefined) return undefined
    if (payload.length > 0 && hashBytes(payload) !== download.requestHash) return undefined
    this.scheduler.schedule(download, this.settings.exchangeLifetime)
    return download.whole
  }

  /**
   * Keeps a response for later requests. If the memory limit is reached, the handler is called
   * again for each block.
   */
  keep(state: PeerState, key: string, requestPayload: Uint8Array, whole: ResponsePart): void {
    const download = new Download(this, state, key, hashBytes(requestPayload), whole)
    const former = downloadsOf(state)?.get(key)
    if (!this.budget.take(download.size)) {
      if (former !== undefined) this.remove(former)
      return
    }
    if (former !== undefined) this.remove(former)
    const downloads = downloadsOf(state) ?? new Map<string, Download>()
    downloads.set(key, download)
    state.downloads = downloads
    this.scheduler.schedule(download, this.settings.exchangeLifetime)
    const [oldest] = downloads.values()
    if (oldest !== undefined && downloads.size > MOST_DOWNLOADS) this.remove(oldest)
  }

  /** Drops a body. */
  remove(download: Download): void {
    const { state } = download
    const downloads = downloadsOf(state)
    if (downloads?.get(download.key) !== download) return
    downloads.delete(download.key)
    if (downloads.size === 0) state.downloads = undefined
    this.scheduler.cancel(download)
    this.budget.give(download.size)
  }

  /** Kept bodies expire by themselves. */
  holds(): Hold {
    return Hold.NONE
  }

  /** If both addresses fetch the same body, the one of the new address is newer. */
  move(from: PeerState, to: PeerState): void {
    const downloads = downloadsOf(from)
    if (downloads === undefined) return
    if (to.downloads !== undefined) {
      this.drop(from)
      return
    }
    for (const download of downloads.values()) download.state = to
    to.downloads = downloads
    from.downloads = undefined
  }

  drop(state: PeerState): void {
    for (const download of [...(downloadsOf(state)?.values() ?? [])]) this.remove(download)
  }
}

function downloadsOf(state: PeerState): PeerDownloads | undefined {
  return state.downloads as PeerDownloads | undefined
}
