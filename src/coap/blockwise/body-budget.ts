/** Bytes that all bodies of one kind may occupy together. */
export class BodyBudget {
  private taken = 0

  constructor(private readonly most: number) {}

  get used(): number {
    return this.taken
  }

  /** False, and nothing is taken, when there is no room for them. */
  take(bytes: number): boolean {
    if (this.taken + bytes > this.most) return false
    this.taken += bytes
    return true
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}
