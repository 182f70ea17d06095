import type { Message } from '../messages/codec'
import { Code } from '../codes'
import type { Core } from '../core'
import { GrowingBody } from './growing-body'
import { OptionNumber, blockBytes, option, uintOption } from '../options'
import type { Block, OptionFields } from '../options'
import { Timer } from '../../base/scheduler'
import { uploadKey } from './transfer-key'
import type { CoapOption } from '../types'

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
    readonly key: string,
    readonly contentFormat: number | undefined,
    readonly body: GrowingBody,
  ) {
    super()
  }

  onTimer(): void {
    this.uploads.expire(this)
  }
}

/** The unfinished request bodies of one peer (RFC 7959 §2.5). */
export class Uploads {
  private readonly uploads = new Map<string, Upload>()

  /** @param onExpired called when one went for its age */
  constructor(
    private readonly core: Core,
    private readonly onExpired: () => void,
  ) {}

  get empty(): boolean {
    return this.uploads.size === 0
  }

  /**
   * Takes one block, in order. Answers 2.31 until the last one; 4.08 for a gap, 4.13 for a body over
   * the limit, 5.03 when all bodies together are too many, 4.00 for a block of the wrong size. Nothing is allocated from a declared size.
   */
  receive(message: Message, fields: OptionFields): UploadReply | UploadedBody {
    const block = fields.block1 as Block
    const { payload } = message
    const size = 16 << block.szx
    if (block.szx === 7) return refusal(Code.BAD_REQUEST, 'block size exponent 7 is reserved')
    if (block.more ? payload.length !== size : payload.length > size) {
      return refusal(Code.BAD_REQUEST, `${payload.length} bytes in a block of ${size}`)
    }
    const { maxBody } = this.core.settings
    const key = uploadKey(message.code, message.options)
    const offset = block.num << (block.szx + 4)
    let upload = this.uploads.get(key)
    if (offset === 0) {
      // Block 0 always begins anew (RFC 7959 §2.5).
      if (upload !== undefined) this.drop(upload)
      if (!block.more) return { payload, contentFormat: fields.contentFormat }
      if (fields.size1 !== undefined && fields.size1 > maxBody) return tooLarge(block, maxBody)
      upload = this.begin(key, fields.contentFormat)
    }
    if (upload === undefined) {
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, 'the first block is missing')
    }
    if (offset + payload.length <= upload.body.length && block.more) {
      // Sent again in a new message because our answer got lost.
      return this.carryOn(upload, block)
    }
    if (offset !== upload.body.length) {
      this.drop(upload)
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, `block ${block.num} is not the next`)
    }
    const { contentFormat } = fields
    if (contentFormat !== undefined && contentFormat !== upload.contentFormat) {
      this.drop(upload)
      return refusal(Code.REQUEST_ENTITY_INCOMPLETE, 'the Content-Format changed')
    }
    if (upload.body.length + payload.length > maxBody) {
      this.drop(upload)
      return tooLarge(block, maxBody)
    }
    if (!upload.body.append(payload)) {
      this.drop(upload)
      return refusal(Code.SERVICE_UNAVAILABLE, 'too many unfinished bodies at once')
    }
    if (block.more) return this.carryOn(upload, block)
    const whole = upload.body.take()
    this.drop(upload)
    return { payload: whole, contentFormat: upload.contentFormat }
  }

  /** Gives all of them up. */
  clear(): void {
    for (const upload of [...this.uploads.values()]) this.drop(upload)
  }

  expire(upload: Upload): void {
    this.drop(upload)
    this.onExpired()
  }

  drop(upload: Upload): void {
    if (this.uploads.get(upload.key) !== upload) return
    this.uploads.delete(upload.key)
    this.core.scheduler.cancel(upload)
    upload.body.release()
  }

  private begin(key: string, contentFormat: number | undefined): Upload {
    if (this.uploads.size >= MOST_UPLOADS) {
      const [oldest] = this.uploads.values()
      if (oldest !== undefined) this.drop(oldest)
    }
    const upload = new Upload(this, key, contentFormat, new GrowingBody(this.core.incoming))
    this.uploads.set(key, upload)
    return upload
  }

  private carryOn(upload: Upload, block: Block): UploadReply {
    this.core.scheduler.schedule(upload, this.core.settings.exchangeLifetime)
    // A smaller size asks for smaller blocks from here on (RFC 7959 §2.3).
    const szx = Math.min(block.szx, Math.log2(this.core.settings.blockSize) - 4)
    return {
      code: Code.CONTINUE,
      options: [option(OptionNumber.BLOCK1, blockBytes(block.num, true, szx))],
      reason: '',
    }
  }
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
