/**
 * Tracks the received record sequence numbers of an epoch: everything above `newest` is new, the 64
 * at and below it are in a bitmap, older ones count as received (RFC 6347 §4.1.2.6). Two 32-bit
 * halves, so that no BigInt is created per record.
 */
export class ReplayWindow {
  /** The highest number accepted; -1 before the first. */
  newest = -1
  /** Bit i: `newest - i` was received. */
  private low = 0
  /** Bit i: `newest - 32 - i` was received. */
  private high = 0

  /** Whether a record may be processed: not received yet and not too old. */
  isFresh(sequence: number): boolean {
    const age = this.newest - sequence
    if (age < 0) return true
    if (age < 32) return (this.low & (1 << age)) === 0
    return age < 64 && (this.high & (1 << (age - 32))) === 0
  }

  /** Marks a record as received; only after it was authenticated (RFC 6347 §4.1.2.6). */
  mark(sequence: number): void {
    const age = this.newest - sequence
    if (age < 0) this.shift(-age)
    const position = Math.max(age, 0)
    if (age < 0) this.newest = sequence
    if (position < 32) this.low |= 1 << position
    else if (position < 64) this.high |= 1 << (position - 32)
  }

  private shift(by: number): void {
    if (by >= 64) {
      this.low = 0
      this.high = 0
    } else if (by >= 32) {
      this.high = by === 32 ? this.low : this.low << (by - 32)
      this.low = 0
    } else {
      this.high = (this.high << by) | (this.low >>> (32 - by))
      this.low <<= by
    }
  }
}
