/**
 * Receives errors that have no caller to reject; mostly emits a warning event of the owner. Must
 * not throw.
 */
export type ErrorSink = (error: unknown, where: string) => void

/**
 * Every entry point without an awaiting caller (a timer, a promise, a socket, an emitter) is
 * wrapped by one of these, so that an error affects at most the object it belongs to and never ends
 * the process.
 */
export class Guard {
  /** @param sink receives the errors */
  constructor(private readonly sink: ErrorSink) {}

  /** Calls `entry` now; a promise that it returns is detached. */
  run(where: string, entry: () => unknown): void {
    try {
      const result = entry()
      if (result !== undefined) this.settle(where, result)
    } catch (error) {
      this.report(error, where)
    }
  }

  /** Wraps `entry` as a callback for an emitter, a socket, a signal or a library. */
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

  /** Reports the rejection of a promise that nobody awaits. */
  detach(where: string, promise: PromiseLike<unknown> | undefined | void): void {
    promise?.then(undefined, (error: unknown) => this.report(error, where))
  }

  /** Reports an error that was caught elsewhere. Never throws. */
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
 * Handles the rejection of a promise that nobody awaits.
 * @param onError receives the rejection; if it throws, a line is written to stderr
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
 * The listeners of a signal behind a single listener, because Node.js warns of a leak when a signal
 * has many.
 */
class AbortListeners {
  private readonly waiting = new Set<{ readonly listener: () => void }>()

  constructor(private readonly signal: AbortSignal) {}

  add(listener: () => void): () => void {
    const entry = { listener }
    if (this.waiting.size === 0) this.signal.addEventListener('abort', this.aborted)
    this.waiting.add(entry)
    return () => {
      if (!this.waiting.delete(entry) || this.waiting.size > 0) return
      this.signal.removeEventListener('abort', this.aborted)
    }
  }

  private readonly aborted = (): void => {
    for (const entry of this.waiting) {
      this.waiting.delete(entry)
      callListener(entry.listener)
    }
  }
}

const abortListeners = new WeakMap<AbortSignal, AbortListeners>()

/**
 * Calls `listener` once when `signal` is aborted, or at once if it already is. If it throws, a line
 * is written to stderr: a signal has no error handler. Supports any number of listeners per signal.
 * @returns a function that removes the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    callListener(listener)
    return () => {}
  }
  let listeners = abortListeners.get(signal)
  if (listeners === undefined) abortListeners.set(signal, (listeners = new AbortListeners(signal)))
  return listeners.add(listener)
}

function callListener(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    lastResort(error)
  }
}

/**
 * Calls `callback` after the next poll of the sockets; if it throws, a line is written to stderr.
 */
export function later(callback: () => void): void {
  setImmediate(() => {
    try {
      callback()
    } catch (error) {
      lastResort(error)
    }
  })
}

/** Resolves after one turn of the event loop, so that received datagrams are processed first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Detaches the result of a callback if it is a promise: listeners may be asynchronous. */
export function settle(result: unknown, onError: (error: unknown) => void): void {
  if (result !== undefined && isThenable(result)) detach(result, onError)
}

/** Whether a value is a promise or another thenable. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Text of a thrown value, for a warning. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Used if the sink itself throws: writes a line to stderr, the process continues. */
export function lastResort(error: unknown): void {
  process.emitWarning(error instanceof Error ? (error.stack ?? error.message) : String(error))
}
