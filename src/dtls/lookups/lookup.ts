import type { Guard } from '../../base/guard'
import type { LookupGate, LookupTicket } from './lookup-gate'

/** Asked of the server's credentials; the handshake goes on when there is an answer. */
export interface Question<T> {
  ask(): Promise<T>
  onAnswer(answer: T): void
  /** Without it, a look-up that fails ends the handshake. */
  onError?(error: unknown): void
}

/** The one look-up that a handshake may have under way. */
export class Lookup {
  private ticket: LookupTicket | undefined

  /** @param guard gets what `goOn` throws */
  constructor(
    private readonly gate: LookupGate,
    private readonly guard: Guard,
  ) {}

  /**
   * Has a question asked when its turn comes.
   * @param goOn gets what is to be done with the outcome, which may throw; not called after `release`
   */
  put<T>(question: Question<T>, goOn: (step: () => void) => void): void {
    const settle = (step: () => void): void => {
      // The handshake is over, or has been for long: look-ups may take any time.
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

  /** Gives up waiting and lets the next handshake have its turn. Idempotent. */
  release(): void {
    this.ticket?.release()
    this.ticket = undefined
  }
}
