/**
 * Remembers which record sequence numbers of an epoch have been seen: everything above `newest` is
 * new, the 64 at and below it by bitmap, older ones count as seen (RFC 6347 §4.1.2.6). Two 32-bit
 * halves, so that no BigInt is made per record.
 */
export class ReplayWindow {
  /** The highest number accepted; -1 before the first. */
  newest = -1
  /** Bit i: `newest - i` was seen. */
  private low = 0
  /** Bit i: `newest - 32 - i` was seen. */
  private high = 0

  /** Whether a record may be looked at: not seen and not too old. */
  isFresh(sequence: number): boolean {
    const age = this.newest - sequence
    if (age < 0) return true
    if (age < 32) return (this.low & (1 << age)) === 0
    return age < 64 && (this.high & (1 << (age - 32))) === 0
  }

  /** Notes a record; only after it was authenticated (RFC 6347 §4.1.2.6). */
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
