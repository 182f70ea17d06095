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

/** An intermediate answer or a refusal. */
export interface UploadReply {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly reason: string
}

/** A whole body, with the Content-Format of its first block. */
export interface UploadedBody {
  readonly payload: Buffer
  readonly contentFormat: number | undefined
}

/** Bodies that one peer may have under way at once; the oldest gives way. */
const MOST_UPLOADS = 4

/** A request body that comes in. As a timer it is the time after which its sender is given up. */
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
  /** @param budget memory of the bodies that come in */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly budget: BodyBudget,
  ) {}

  /**
   * Takes one block, in order. Answers 2.31 until the last one; 4.08 for a gap, 4.13 for a body over
   * the limit, 5.03 when all bodies together are too many, 4.00 for a block of the wrong size. Nothing
   * is allocated from a declared size.
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
      // Block 0 always begins anew (RFC 7959 §2.5).
      if (upload !== undefined) this.remove(upload)
      if (!block.more) return { payload, contentFormat: message.contentFormat }
      if (message.size1 !== undefined && message.size1 > maxBody) return tooLarge(block, maxBody)
      upload = this.begin(state, key, message.contentFormat)
    }
    if (upload === undefined) {
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, 'the first block is missing')
    }
    if (offset + payload.length <= upload.body.length && block.more) {
      // Sent again in a new message because our answer got lost.
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

  /** Gives a body up, or is done with it. */
  remove(upload: Upload): void {
    const { state } = upload
    const uploads = uploadsOf(state)
    if (uploads?.get(upload.key) !== upload) return
    uploads.delete(upload.key)
    if (uploads.size === 0) state.uploads = undefined
    this.scheduler.cancel(upload)
    upload.body.release()
  }

  /** They expire on their own. */
  holds(): Hold {
    return Hold.NONE
  }

  /** A body that the new address has under way already is the newer one. */
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
    // A smaller size asks for smaller blocks from here on (RFC 7959 §2.3).
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
