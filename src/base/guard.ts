/** Where an error goes that nobody awaits: mostly a warning event of the owner. Must not throw. */
export type ErrorSink = (error: unknown, where: string) => void

/**
 * Every entry into our code that nobody awaits (a timer, a promise, a socket, an emitter) comes through
 * one of these, so that what is thrown there ends at most what the entry belongs to, and never the
 * process.
 */
export class Guard {
  /** @param sink where the errors go */
  constructor(private readonly sink: ErrorSink) {}

  /** Calls `entry` now; a promise that it answers is detached. */
  run(where: string, entry: () => unknown): void {
    try {
      const result = entry()
      if (result !== undefined) this.settle(where, result)
    } catch (error) {
      this.report(error, where)
    }
  }

  /** `entry` as a callback for an emitter, a socket, a signal or a library. */
  entry<A extends readonly unknown[]>(
    where: string,
    entry: (...args: A) => unknown,
  ): (...args: A) => void {
    return (...args) => {
      try {
        const result = entry(...args)
        if (result !== undefined) this.settle(where, result)
      } catch (error) {
        this.report(error, where)
      }
    }
  }

  /** Nobody waits for this promise: its rejection is reported. */
  detach(where: string, promise: PromiseLike<unknown> | undefined | void): void {
    promise?.then(undefined, (error: unknown) => this.report(error, where))
  }

  /** For an error that was caught elsewhere. Never throws. */
  report(error: unknown, where: string): void {
    try {
      this.sink(error, where)
    } catch (failure) {
      lastResort(failure)
    }
  }

  protected settle(where: string, result: unknown): void {
    if (isThenable(result)) this.detach(where, result)
  }
}

/**
 * Nobody waits for this promise.
 * @param onError gets its rejection; what it throws itself is a line on stderr
 */
export function detach(
  promise: PromiseLike<unknown> | undefined | void,
  onError: (error: unknown) => void,
): void {
  promise?.then(undefined, (error: unknown) => {
    try {
      onError(error)
    } catch (failure) {
      lastResort(failure)
    }
  })
}

/**
 * Calls `listener` once when `signal` is aborted, at once where it is already. What it throws is a line
 * on stderr: a signal has no other place for it.
 * @returns stops listening
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const aborted = (): void => {
    try {
      listener()
    } catch (error) {
      lastResort(error)
    }
  }
  if (signal.aborted) {
    aborted()
    return () => {}
  }
  signal.addEventListener('abort', aborted, { once: true })
  return () => signal.removeEventListener('abort', aborted)
}

/** Calls `callback` after the next look at the sockets; what it throws is a line on stderr. */
export function later(callback: () => void): void {
  setImmediate(() => {
    try {
      callback()
    } catch (error) {
      lastResort(error)
    }
  })
}

/** The event loop has a turn: what arrived is dealt with first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Detaches what a callback answered, where that is a promise: a listener may be asynchronous. */
export function settle(result: unknown, onError: (error: unknown) => void): void {
  if (result !== undefined && isThenable(result)) detach(result, onError)
}

/** Whether something is to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** What was thrown, for a warning's text. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The sink itself failed: a line on stderr, and the process goes on. */
export function lastResort(error: unknown): void {
  process.emitWarning(error instanceof Error ? (error.stack ?? error.message) : String(error))
}
