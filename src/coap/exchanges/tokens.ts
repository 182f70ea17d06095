import { randomFillSync } from 'node:crypto'

/** Generates tokens. */
export class Tokens {
  private readonly random = Buffer.alloc(4096)
  private used = this.random.length

  /**
   * Eight random bytes: hard to guess, as required without security (RFC 7252 §5.3.1), and unique.
   */
  fresh(): string {
    if (this.used === this.random.length) {
      randomFillSync(this.random)
      this.used = 0
    }
    return this.random.toString('latin1', this.used, (this.used += 8))
  }
}

/** Converts a token to a string, one character per byte. @throws RangeError if it is invalid */
export function tokenOf(bytes: Uint8Array): string {
  if (bytes.length < 1 || bytes.length > 8) {
    throw new RangeError(`a token has 1 to 8 bytes, not ${bytes.length}`)
  }
  return Buffer.from(bytes).toString('latin1')
}
