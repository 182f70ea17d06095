import { Code } from './codes'
import type { Core } from './core'
import { hashBytes } from './duplicates'
import { OptionNumber, blockBytes, option, uintBytes, uintOption } from './options'
import type { Block } from './options'
import { WheelTimer } from './timer-wheel'
import type { CoapOption } from './types'

/** One message's share of a response. */
export interface ResponsePart {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array | undefined
}

/** Bodies kept for one peer at once; the oldest gives way. */
const MOST_DOWNLOADS = 4

/** A response body that is fetched block by block. As a timer it is the time it is kept. */
class Download extends WheelTimer {
  constructor(
    private readonly downloads: Downloads,
    readonly key: string,
    readonly requestHash: number,
    readonly whole: ResponsePart,
    readonly body: Uint8Array,
  ) {
    super()
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
   * The part of a kept body that a request for a later block asks for.
   * @param payload the request's; part of what identifies the body of a FETCH, unless left out
   */
  find(key: string, payload: Uint8Array, block: Block): ResponsePart | undefined {
    const download = this.downloads.get(key)
    if (download === undefined) return undefined
    if (payload.length > 0 && hashBytes(payload) !== download.requestHash) return undefined
    this.core.wheel.schedule(download, this.core.settings.exchangeLifetime)
    return slice(download.whole, download.body, block.num, this.exponent(block))
  }

  /**
   * Cuts a response down to one block and keeps its body for the others.
   * @param block what the request asked for
   */
  begin(
    key: string,
    requestPayload: Uint8Array,
    response: ResponsePart,
    block: Block | undefined,
  ): ResponsePart {
    const body = response.payload ?? new Uint8Array(0)
    const whole = withEtag(response, body)
    const part = slice(whole, body, block?.num ?? 0, this.exponent(block))
    this.keep(new Download(this, key, hashBytes(requestPayload), whole, body))
    return part
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
    this.core.wheel.cancel(download)
    this.core.outgoing.give(download.body.length)
  }

  /** Where there is no memory for it, the handler is asked again for each block. */
  private keep(download: Download): void {
    const former = this.downloads.get(download.key)
    const [oldest] = this.downloads.values()
    if (!this.core.outgoing.take(download.body.length)) {
      if (former !== undefined) this.drop(former)
      return
    }
    this.downloads.delete(download.key)
    this.downloads.set(download.key, download)
    this.core.wheel.schedule(download, this.core.settings.exchangeLifetime)
    if (former !== undefined) {
      this.core.wheel.cancel(former)
      this.core.outgoing.give(former.body.length)
    } else if (oldest !== undefined && this.downloads.size > MOST_DOWNLOADS) {
      this.drop(oldest)
    }
  }

  private exponent(block: Block | undefined): number {
    return Math.min(block?.szx ?? 6, Math.log2(this.core.settings.blockSize) - 4)
  }
}

/** Lets the client notice that the resource changed between two blocks. */
function withEtag(response: ResponsePart, body: Uint8Array): ResponsePart {
  if (response.options.some(({ number }) => number === OptionNumber.ETAG)) return response
  const etag = option(OptionNumber.ETAG, uintBytes(hashBytes(body) >>> 0))
  // A hash of 0 would be an ETag without bytes, which there is not (RFC 7252 §5.10.6).
  if (etag.value.length === 0) return response
  return { ...response, options: [etag, ...response.options] }
}

function slice(whole: ResponsePart, body: Uint8Array, num: number, szx: number): ResponsePart {
  const offset = num << (szx + 4)
  if (num > 0 && offset >= body.length) {
    return { code: Code.BAD_REQUEST, options: [], payload: Buffer.from('no such block') }
  }
  const end = Math.min(body.length, offset + (16 << szx))
  const options = [
    ...whole.options,
    option(OptionNumber.BLOCK2, blockBytes(num, end < body.length, szx)),
  ]
  if (num === 0) options.push(uintOption(OptionNumber.SIZE2, body.length))
  return { code: whole.code, options, payload: body.subarray(offset, end) }
}
