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

/** Who waits for a signal: one listener of the signal for all, so that many are no leak to Node.js. */
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
 * Calls `listener` once when `signal` is aborted, at once where it is already. What it throws is a line
 * on stderr: a signal has no other place for it. Any number may wait for one signal.
 * @returns stops listening
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
