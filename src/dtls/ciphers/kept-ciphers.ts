/** An owner of kept cipher objects. */
export interface Keeper {
  /** Drops them, because the limit is reached. */
  release(): void
}

/**
 * The owners of kept cipher objects, in order of arrival; beyond the limit the first one drops its
 * objects.
 */
export class KeptCiphers {
  private readonly keepers: (WeakRef<Keeper> | undefined)[]
  private next = 0

  constructor(limit: number) {
    this.keepers = Array<WeakRef<Keeper> | undefined>(limit)
  }

  /** Registers an owner of kept objects; the reference does not keep it alive. */
  add(keeper: Keeper): void {
    this.keepers[this.next]?.deref()?.release()
    this.keepers[this.next] = new WeakRef(keeper)
    this.next = (this.next + 1) % this.keepers.length
  }
}
