/** Promises of several callers that settle together. */
export class Waiters {
  private waiting: { resolve(): void; reject(error: Error): void }[] = []

  /** Settles with the next {@link succeed} or {@link fail}. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  succeed(): void {
    for (const { resolve } of this.waiting.splice(0)) resolve()
  }

  fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
