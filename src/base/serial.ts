/** Runs asynchronous tasks one after the other, in the order they were asked for. */
export class Serial {
  private tail: Promise<unknown> = Promise.resolve()

  /** Settles as `task` does, which starts when all earlier tasks have ended, well or not. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(task)
    this.tail = result.catch(() => undefined)
    return result
  }
}
