/** Limits the memory of all bodies of one kind. */
export class BodyBudget {
  private taken = 0

  constructor(private readonly most: number) {}

  get used(): number {
    return this.taken
  }

  /** Reserves memory; returns false, and reserves nothing, if the budget would be exceeded. */
  take(bytes: number): boolean {
    if (this.taken + bytes > this.most) return false
    this.taken += bytes
    return true
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}
