import type { Guard } from '../../base/guard'
import type { LookupGate, LookupTicket } from './lookup-gate'

/** A lookup in the server's credentials; the handshake continues with the answer. */
export interface Question<T> {
  ask(): Promise<T>
  onAnswer(answer: T): void
  /** Without it, a failed lookup ends the handshake. */
  onError?(error: unknown): void
}

/** The pending lookup of a handshake; it has at most one. */
export class Lookup {
  private ticket: LookupTicket | undefined

  /** @param guard receives the errors of `goOn` */
  constructor(
    private readonly gate: LookupGate,
    private readonly guard: Guard,
  ) {}

  /**
   * Queues a lookup.
   * @param goOn receives a function that processes the result and may throw; not called after
   *   `release`
   */
  put<T>(question: Question<T>, goOn: (step: () => void) => void): void {
    const settle = (step: () => void): void => {
      // The handshake may have ended long ago: lookups may take any time.
      if (this.ticket !== ticket) return
      this.release()
      goOn(step)
    }
    const ticket = this.gate.enter(() => {
      const settled = question.ask().then(
        (answer) => settle(() => question.onAnswer(answer)),
        (error: unknown) => {
          settle(() => {
            if (question.onError === undefined) throw error
            question.onError(error)
          })
        },
      )
      this.guard.detach('look-up', settled)
    })
    this.ticket = ticket
  }

  /** Cancels the wait and lets the next lookup start. Idempotent. */
  release(): void {
    this.ticket?.release()
    this.ticket = undefined
  }
}
