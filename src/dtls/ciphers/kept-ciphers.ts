/** Someone who keeps cipher objects for a while. */
export interface Keeper {
  /** Gives them up: others need the room. */
  release(): void
}

/** Who keeps something at present, in order of arrival; of so many the first has to give it up. */
export class KeptCiphers {
  private readonly keepers: (WeakRef<Keeper> | undefined)[]
  private next = 0

  constructor(limit: number) {
    this.keepers = Array<WeakRef<Keeper> | undefined>(limit)
  }

  /** `keeper` keeps something now; it is not held here. */
  add(keeper: Keeper): void {
    this.keepers[this.next]?.deref()?.release()
    this.keepers[this.next] = new WeakRef(keeper)
    this.next = (this.next + 1) % this.keepers.length
  }
}
