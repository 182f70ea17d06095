import { type Scheduler, Timer } from '../../base/scheduler'
import { Code } from '../codes'
import type { Message } from '../message'
import {
  type Block,
  OptionNumber,
  RESERVED_SZX,
  blockBytes,
  blockOffset,
  blockSize,
  option,
  uintOption,
} from '../options'
import { Hold, type PeerFollower, type PeerState } from '../peers'
import { blockExponent, type Settings } from '../settings'
import type { CoapOption } from '../types'
import type { BodyBudget } from './body-budget'
import { GrowingBody } from './growing-body'
import { uploadKey } from './transfer-key'

/** An intermediate response or an error response. */
export interface UploadReply {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly reason: string
}

/** A complete body, with the Content-Format of its first block. */
export interface UploadedBody {
  readonly payload: Buffer
  readonly contentFormat: number | undefined
}

/** Unfinished bodies per peer at a time; the oldest is dropped. */
const MOST_UPLOADS = 4

/** A request body that is being received. As a timer, it is the time after which it is dropped. */
class Upload extends Timer {
  constructor(
    private readonly uploads: Uploads,
    public state: PeerState,
    readonly key: string,
    readonly contentFormat: number | undefined,
    readonly body: GrowingBody,
  ) {
    super()
  }

  onTimer(): void {
    this.uploads.remove(this)
  }
}

/** By key. */
type PeerUploads = Map<string, Upload>

/** The unfinished request bodies of all peers (RFC 7959 §2.5). */
export class Uploads implements PeerFollower {
  /** @param budget memory limit of the bodies being received */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly budget: BodyBudget,
  ) {}

  /**
   * Takes one block, in order. Answers 2.31 until the last one; 4.08 to a gap, 4.13 to a body over
   * the limit, 5.03 if the memory limit of all bodies is reached, 4.00 to a block of the wrong
   * size. Nothing is allocated by a declared size.
   */
  receive(state: PeerState, message: Message): UploadReply | UploadedBody {
    const block = message.block1 as Block
    const { payload } = message
    const size = blockSize(block.szx)
    if (block.szx === RESERVED_SZX)
      return refusal(Code.BAD_REQUEST, 'block size exponent 7 is reserved')
    if (block.more ? payload.length !== size : payload.length > size) {
      return refusal(Code.BAD_REQUEST, `${payload.length} bytes in a block of ${size}`)
    }
    const { maxBody } = this.settings
    const key = uploadKey(message.code, message.options)
    const offset = blockOffset(block)
    let upload = uploadsOf(state)?.get(key)
    if (offset === 0) {
      // Block 0 always restarts the body (RFC 7959 §2.5).
      if (upload !== undefined) this.remove(upload)
      if (!block.more) return { payload, contentFormat: message.contentFormat }
      if (message.size1 !== undefined && message.size1 > maxBody) return tooLarge(block, maxBody)
      upload = this.begin(state, key, message.contentFormat)
    }
    if (upload === undefined) {
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, 'the first block is missing')
    }
    if (offset + payload.length <= upload.body.length && block.more) {
      // Sent again in a new message because our response was lost.
      return this.carryOn(upload, block)
    }
    if (offset !== upload.body.length) {
      this.remove(upload)
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, `block ${block.num} is not the next`)
    }
    const { contentFormat } = message
    if (contentFormat !== undefined && contentFormat !== upload.contentFormat) {
      this.remove(upload)
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, 'the Content-Format changed')
    }
    if (upload.body.length + payload.length > maxBody) {
      this.remove(upload)
      return tooLarge(block, maxBody)
    }
    if (!upload.body.append(payload)) {
      this.remove(upload)
      return refusal(Code.SERVICE_UNAVAILABLE, 'too many unfinished bodies at once')
    }
    if (block.more) return this.carryOn(upload, block)
    const whole = upload.body.take()
    this.remove(upload)
    return { payload: whole, contentFormat: upload.contentFormat }
  }

  /** Drops a body, complete or not. */
  remove(upload: Upload): void {
    const { state } = upload
    const uploads = uploadsOf(state)
    if (uploads?.get(upload.key) !== upload) return
    uploads.delete(upload.key)
    if (uploads.size === 0) state.uploads = undefined
    this.scheduler.cancel(upload)
    upload.body.release()
  }

  /** Unfinished bodies expire by themselves. */
  holds(): Hold {
    return Hold.NONE
  }

  /** If both addresses send the same body, the one of the new address is newer. */
  move(from: PeerState, to: PeerState): void {
    const uploads = uploadsOf(from)
    if (uploads === undefined) return
    if (to.uploads !== undefined) {
      this.drop(from)
      return
    }
    for (const upload of uploads.values()) upload.state = to
    to.uploads = uploads
    from.uploads = undefined
  }

  drop(state: PeerState): void {
    for (const upload of [...(uploadsOf(state)?.values() ?? [])]) this.remove(upload)
  }

  private begin(state: PeerState, key: string, contentFormat: number | undefined): Upload {
    const known = uploadsOf(state)
    if (known !== undefined && known.size >= MOST_UPLOADS) {
      const [oldest] = known.values()
      if (oldest !== undefined) this.remove(oldest)
    }
    const upload = new Upload(this, state, key, contentFormat, new GrowingBody(this.budget))
    const uploads = uploadsOf(state) ?? new Map<string, Upload>()
    uploads.set(key, upload)
    state.uploads = uploads
    return upload
  }

  private carryOn(upload: Upload, block: Block): UploadReply {
    this.scheduler.schedule(upload, this.settings.exchangeLifetime)
    // A smaller size asks for smaller blocks from now on (RFC 7959 §2.3).
    const szx = Math.min(block.szx, blockExponent(this.settings.blockSize))
    return {
      code: Code.CONTINUE,
      options: [option(OptionNumber.BLOCK1, blockBytes(block.num, true, szx))],
      reason: '',
    }
  }
}

function uploadsOf(state: PeerState): PeerUploads | undefined {
  return state.uploads as PeerUploads | undefined
}

function refusal(code: number, reason: string): UploadReply {
  return { code, options: [], reason }
}

/** RFC 7959 §2.9.3, with Size1 as the limit (§4). */
function tooLarge(block: Block, maxBody: number): UploadReply {
  return {
    code: Code.REQUEST_ENTITY_TOO_LARGE,
    options: [
      option(OptionNumber.BLOCK1, blockBytes(block.num, block.more, block.szx)),
      uintOption(OptionNumber.SIZE1, maxBody),
    ],
    reason: `at most ${maxBody} bytes`,
  }
}
