import type { BodyBudget } from './body-budget'
import { BlockwiseError } from '../errors'
import type { Message } from '../message'
import { type Block, blockNumber, blockOffset, blockSize, RESERVED_SZX } from '../options'
import { GrowingBody } from './growing-body'

/** Result of adding a block to a body. */
export type BlockOutcome = 'complete' | 'more' | 'changed'

/**
 * Reassembles the blocks of a response (RFC 7959 §2.4). Memory is allocated for received blocks
 * only, never by an announced size.
 */
export class BodyReceiver {
  private readonly body: GrowingBody
  private szx: number

  /**
   * Adds the first block.
   * @param limit maximum size of the body in bytes
   * @throws BlockwiseError
   */
  constructor(
    readonly first: Message,
    private readonly limit: number,
    budget: BodyBudget,
  ) {
    const block = first.block2 as Block
    this.body = new GrowingBody(budget)
    this.szx = block.szx
    if (block.num !== 0) throw new BlockwiseError(`block ${block.num} came first`)
    if (first.size2 !== undefined && first.size2 > limit) {
      throw new BlockwiseError(`a body of ${first.size2} bytes, ${limit} are accepted`)
    }
    this.append(first.payload, block)
  }

  /**
   * Number and size exponent of the block to request next: of the received size, unless `largest`
   * is smaller. Blocks are counted in their own size (RFC 7959 §2.4).
   */
  next(largest: number): { num: number; szx: number } {
    const szx = Math.min(this.szx, largest)
    return { num: blockNumber(this.body.length, szx), szx }
  }

  /**
   * Adds the next block. `changed` means that the resource has changed meanwhile (another ETag, RFC
   * 7959 §2.4): the body must be fetched again.
   * @throws BlockwiseError
   */
  add(message: Message): BlockOutcome {
    const block = message.block2
    if (block === undefined) throw new BlockwiseError('a block without a Block2 option')
    if (!sameBytes(message.etag, this.first.etag)) return 'changed'
    if (blockOffset(block) !== this.body.length) {
      throw new BlockwiseError(
        `block ${block.num} of ${blockSize(block.szx)} bytes is not the next`,
      )
    }
    this.szx = block.szx
    this.append(message.payload, block)
    return block.more ? 'more' : 'complete'
  }

  /** Returns the whole body; its memory is no longer counted. */
  take(): Buffer {
    return this.body.take()
  }

  /** Discards the body. Idempotent. */
  release(): void {
    this.body.release()
  }

  private append(payload: Buffer, block: Block): void {
    const size = blockSize(block.szx)
    if (block.szx === RESERVED_SZX)
      throw new BlockwiseError('block size exponent 7 is reserved over UDP')
    if (block.more ? payload.length !== size : payload.length > size) {
      throw new BlockwiseError(`${payload.length} bytes in a block of ${size}`)
    }
    if (this.body.length + payload.length > this.limit) {
      throw new BlockwiseError(`the body is larger than the ${this.limit} bytes accepted`)
    }
    if (!this.body.append(payload)) throw new BlockwiseError('too many unfinished bodies at once')
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}
