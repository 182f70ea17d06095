/** Runs asynchronous tasks one after the other, in call order. */
export class Serial {
  private tail: Promise<unknown> = Promise.resolve()

  /** Starts `task` after all earlier tasks have resolved or rejected; settles like `task`. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(task)
    this.tail = result.catch(() => undefined)
    return result
  }
}
