import type { Core } from '../core'
import { hashBytes } from '../messages/duplicates'
import type { ResponsePart } from '../exchanges/response-part'
import { Timer } from '../../base/scheduler'

/** Bodies kept for one peer at once; the oldest gives way. */
const MOST_DOWNLOADS = 4

/** A response body that is fetched block by block. As a timer it is the time it is kept. */
class Download extends Timer {
  constructor(
    private readonly downloads: Downloads,
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
    this.downloads.expire(this)
  }
}

/**
 * The response bodies of one peer that are larger than a block (RFC 7959 §2.4). They are kept, so
 * that all blocks are of one state of the resource, and the handler runs once a body.
 */
export class Downloads {
  private readonly downloads = new Map<string, Download>()

  /** @param onExpired called when one went for its age */
  constructor(
    private readonly core: Core,
    private readonly onExpired: () => void,
  ) {}

  get empty(): boolean {
    return this.downloads.size === 0
  }

  /**
   * The kept response that a request for a later block is about.
   * @param payload the request's; part of what identifies the body of a FETCH, unless left out
   */
  find(key: string, payload: Uint8Array): ResponsePart | undefined {
    const download = this.downloads.get(key)
    if (download === undefined) return undefined
    if (payload.length > 0 && hashBytes(payload) !== download.requestHash) return undefined
    this.core.scheduler.schedule(download, this.core.settings.exchangeLifetime)
    return download.whole
  }

  /**
   * Keeps a response for the requests to come. Where there is no memory for it, the handler is asked
   * again for each block.
   */
  keep(key: string, requestPayload: Uint8Array, whole: ResponsePart): void {
    const download = new Download(this, key, hashBytes(requestPayload), whole)
    const former = this.downloads.get(key)
    const [oldest] = this.downloads.values()
    if (!this.core.outgoing.take(download.size)) {
      if (former !== undefined) this.drop(former)
      return
    }
    this.downloads.delete(key)
    this.downloads.set(key, download)
    this.core.scheduler.schedule(download, this.core.settings.exchangeLifetime)
    if (former !== undefined) {
      this.core.scheduler.cancel(former)
      this.core.outgoing.give(former.size)
    } else if (oldest !== undefined && this.downloads.size > MOST_DOWNLOADS) {
      this.drop(oldest)
    }
  }

  clear(): void {
    for (const download of [...this.downloads.values()]) this.drop(download)
  }

  expire(download: Download): void {
    this.drop(download)
    this.onExpired()
  }

  drop(download: Download): void {
    if (this.downloads.get(download.key) !== download) return
    this.downloads.delete(download.key)
    this.core.scheduler.cancel(download)
    this.core.outgoing.give(download.size)
  }
}
