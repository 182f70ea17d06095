/** Thrown by {@link ByteReader} if the input is shorter than its own length fields claim. */
export class OutOfBounds extends RangeError {}

/**
 * Reads big-endian values from untrusted bytes. Every read is bounds-checked first, so a parser
 * built on it can neither over-read nor allocate by a declared length.
 */
export class ByteReader {
  offset: number
  private readonly view: DataView

  /** Reads `bytes[start..end)`. */
  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end = bytes.length,
  ) {
    this.offset = start
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.end - this.offset
  }

  /** Skips `length` bytes and returns their offset. @throws OutOfBounds */
  skip(length: number): number {
    if (length < 0 || length > this.end - this.offset) {
      throw new OutOfBounds(
        `expected ${length} bytes at offset ${this.offset}, ${this.remaining} left`,
      )
    }
    const at = this.offset
    this.offset += length
    return at
  }

  uint8(): number {
    return this.view.getUint8(this.skip(1))
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2))
  }

  uint24(): number {
    const at = this.skip(3)
    return (this.view.getUint16(at) << 8) | this.view.getUint8(at + 2)
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4))
  }

  /** A 48-bit integer, as in DTLS sequence numbers. */
  uint48(): number {
    const at = this.skip(6)
    return this.view.getUint16(at) * 0x1_0000_0000 + this.view.getUint32(at + 2)
  }

  /** A view (not a copy) of the next `length` bytes. @throws OutOfBounds */
  take(length: number): Uint8Array {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  /** A reader for the next `length` bytes only. @throws OutOfBounds */
  sub(length: number): ByteReader {
    const at = this.skip(length)
    return new ByteReader(this.bytes, at, at + length)
  }

  /** A view of the remaining bytes. */
  rest(): Uint8Array {
    return this.take(this.remaining)
  }
}
