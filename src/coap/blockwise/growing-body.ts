import type { BodyBudget } from './body-budget'

/**
 * A body that grows with the received blocks: never by an announced size, and without an object per
 * block (a Buffer per block of 16 bytes would need twenty times the memory of its content).
 */
export class GrowingBody {
  private bytes = Buffer.alloc(0)
  private filled = 0

  constructor(private readonly budget: BodyBudget) {}

  get length(): number {
    return this.filled
  }

  /** Returns false, and appends nothing, if the budget of all bodies is used up. */
  append(part: Uint8Array): boolean {
    if (!this.budget.take(part.length)) return false
    const length = this.filled + part.length
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.bytes.length))
      this.bytes.copy(grown, 0, 0, this.filled)
      this.bytes = grown
    }
    this.bytes.set(part, this.filled)
    this.filled = length
    return true
  }

  /** Returns the body received so far; it is no longer counted, and this object is empty. */
  take(): Buffer {
    const body = this.bytes.subarray(0, this.filled)
    this.release()
    return body
  }

  /** Frees the memory. Idempotent. */
  release(): void {
    this.budget.give(this.filled)
    this.filled = 0
    this.bytes = Buffer.alloc(0)
  }
}
