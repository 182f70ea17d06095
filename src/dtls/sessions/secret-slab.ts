/** Slots per chunk. */
const CHUNK = 256

/**
 * Many small secrets of one size in few large buffers: a typed array each would need several times
 * the memory. A slot is overwritten when it is released.
 */
export class SecretSlab {
  private readonly chunks: Buffer[] = []
  private readonly free: number[] = []
  private used = 0

  /** @param size bytes of a slot */
  constructor(private readonly size: number) {}

  /** Copies the parts, `size` bytes in all, into a slot. */
  put(parts: readonly Uint8Array[]): number {
    const slot = this.free.pop() ?? this.used++
    if (slot >= this.chunks.length * CHUNK) this.chunks.push(Buffer.alloc(CHUNK * this.size))
    const view = this.view(slot)
    let at = 0
    for (const part of parts) {
      view.set(part, at)
      at += part.length
    }
    return slot
  }

  /** A copy of the content of a slot. */
  copy(slot: number): Uint8Array {
    return new Uint8Array(this.view(slot))
  }

  /** Overwrites and releases a slot. */
  erase(slot: number): void {
    this.view(slot).fill(0)
    this.free.push(slot)
  }

  private view(slot: number): Buffer {
    const chunk = this.chunks[Math.floor(slot / CHUNK)]
    if (chunk === undefined) throw new RangeError(`no slot ${slot}`)
    const at = (slot % CHUNK) * this.size
    return chunk.subarray(at, at + this.size)
  }
}
