import { createCipheriv, type KeyObject, timingSafeEqual } from 'node:crypto'

const BLOCK = 16
/** Longer content is as fast with a new cipher object. */
export const MOST_KEPT_CONTENT = 512
/** Flags of B_0, the nonce and the length; the length of the additional data and these; the content. */
const MOST_BLOCKS = 1 + Math.ceil((2 + 21 + 255 + 2) / BLOCK) + Math.ceil(MOST_KEPT_CONTENT / BLOCK)

/** Reused: uses do not overlap. */
const counters = Buffer.alloc((1 + Math.ceil(MOST_KEPT_CONTENT / BLOCK)) * BLOCK)
const authenticated = Buffer.alloc(MOST_BLOCKS * BLOCK)
const expectedTag = Buffer.alloc(BLOCK)

/**
 * AES-CCM (RFC 3610) for nonces of 12 bytes with two kept cipher objects: AES-ECB creates the key
 * stream and AES-CBC the MAC. `node:crypto` can use a CCM object for one message only, and creating
 * one takes longer than the message. The output is identical to `aes-*-ccm`.
 */
export class KeptCcm {
  private readonly stream: ReturnType<typeof createCipheriv>
  private readonly mac: ReturnType<typeof createCipheriv>
  /** The last output block of `mac`: it is XORed with the next one. */
  private readonly last = Buffer.alloc(BLOCK)

  constructor(
    key: KeyObject,
    private readonly tagLength: number,
  ) {
    const size = (key.symmetricKeySize ?? 0) * 8
    this.stream = createCipheriv(`aes-${size}-ecb`, key, null).setAutoPadding(false)
    this.mac = createCipheriv(`aes-${size}-cbc`, key, this.last).setAutoPadding(false)
  }

  /** Writes ciphertext and tag of at most {@link MOST_KEPT_CONTENT} bytes to `target` at `at`. */
  seal(nonce: Buffer, data: Buffer, plaintext: Uint8Array, target: Buffer, at: number): void {
    const { length } = plaintext
    const stream = this.keyStream(nonce, length)
    const mac = this.authenticate(nonce, data, plaintext)
    for (let i = 0; i < length; i++) {
      target[at + i] = (plaintext[i] as number) ^ (stream[BLOCK + i] as number)
    }
    for (let i = 0; i < this.tagLength; i++) {
      target[at + length + i] = (mac[i] as number) ^ (stream[i] as number)
    }
  }

  /** Decrypts ciphertext and tag to a new buffer; undefined if it is not authentic. */
  open(nonce: Buffer, data: Buffer, sealed: Uint8Array): Buffer | undefined {
    const { tagLength } = this
    const length = sealed.length - tagLength
    const stream = this.keyStream(nonce, length)
    const plaintext = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) {
      plaintext[i] = (sealed[i] as number) ^ (stream[BLOCK + i] as number)
    }
    const mac = this.authenticate(nonce, data, plaintext)
    const tag = expectedTag.subarray(0, tagLength)
    for (let i = 0; i < tagLength; i++) tag[i] = (mac[i] as number) ^ (stream[i] as number)
    if (timingSafeEqual(tag, sealed.subarray(length))) return plaintext
    plaintext.fill(0)
    return undefined
  }

  /** S_0, S_1, … (RFC 3610 §2.3): the first block is for the tag. */
  private keyStream(nonce: Buffer, length: number): Buffer {
    const blocks = 1 + Math.ceil(length / BLOCK)
    for (let block = 0; block < blocks; block++) {
      const at = block * BLOCK
      // The counter has three bytes, of which one is enough for this many blocks.
      counters[at] = 2
      counters.set(nonce, at + 1)
      counters[at + 15] = block
    }
    return this.stream.update(counters.subarray(0, blocks * BLOCK))
  }

  /** The CBC-MAC (RFC 3610 §2.2). */
  private authenticate(nonce: Buffer, data: Buffer, plaintext: Uint8Array): Buffer {
    const { last, tagLength } = this
    const { length } = plaintext
    const dataEnd = BLOCK + Math.ceil((2 + data.length) / BLOCK) * BLOCK
    const end = dataEnd + Math.ceil(length / BLOCK) * BLOCK
    const input = authenticated.subarray(0, end).fill(0)
    input[0] = 0x40 | (((tagLength - 2) / 2) << 3) | 2
    input.set(nonce, 1)
    input[14] = length >> 8
    input[15] = length
    input[BLOCK] = data.length >> 8
    input[BLOCK + 1] = data.length
    input.set(data, BLOCK + 2)
    input.set(plaintext, dataEnd)
    // Removes what the object XORs from the previous message.
    for (let i = 0; i < BLOCK; i++) input[i] = (input[i] as number) ^ (last[i] as number)
    const mac = this.mac.update(input).subarray(end - BLOCK)
    last.set(mac)
    return mac
  }
}
