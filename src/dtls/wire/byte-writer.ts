/** Writes messages: big-endian values and length-prefixed vectors (RFC 5246 §4.3). */
export class ByteWriter {
  private buffer: Buffer
  private length = 0

  constructor(capacity = 256) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  /** May replace the buffer: use its result before `this.buffer`. */
  private reserve(bytes: number): number {
    const at = this.length
    this.length += bytes
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, this.buffer.length * 2))
      this.buffer.copy(larger)
      this.buffer = larger
    }
    return at
  }

  uint8(value: number): this {
    const at = this.reserve(1)
    this.buffer.writeUInt8(value, at)
    return this
  }

  uint16(value: number): this {
    const at = this.reserve(2)
    this.buffer.writeUInt16BE(value, at)
    return this
  }

  uint24(value: number): this {
    const at = this.reserve(3)
    this.buffer.writeUIntBE(value, at, 3)
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.reserve(value.length)
    this.buffer.set(value, at)
    return this
  }

  /** Writes the output of `write` after its length in `prefix` bytes. */
  vector(prefix: 1 | 2 | 3, write: (inner: this) => void): this {
    const at = this.reserve(prefix)
    write(this)
    this.buffer.writeUIntBE(this.length - at - prefix, at, prefix)
    return this
  }

  /**
   * The written bytes, without a copy; the writer must not be used any more. They are in a pool:
   * copy what is stored.
   */
  finish(): Buffer {
    return this.buffer.subarray(0, this.length)
  }
}
