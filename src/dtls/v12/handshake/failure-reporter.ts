import type { Scheduler, Timer } from '../../../base/scheduler'
import { HandshakeFailure } from '../../errors'
import type { Role } from '../../identity'
import { describeAlert } from '../../wire/alert'

/**
 * How long the true Finished may yet come after something else in its place, ms. The datagrams of a
 * flight overtake each other, and anyone can forge what cannot be opened; nobody can forge that the
 * true one stays away.
 */
const PATIENCE = 1000

/**
 * Tells the operator once why a handshake fails: when it ends or, where the other end is to see nothing
 * but silence, before. Gathers what was noticed on the way but proves nothing by itself.
 */
export class FailureReporter {
  private suspicion: HandshakeFailure | undefined
  private alert: number | undefined
  private timer: Timer | undefined
  private reported = false

  constructor(
    private readonly clock: Scheduler,
    private readonly tell: (failure: HandshakeFailure) => void,
    /** What the other end is. */
    private readonly peer: Role = 'client',
  ) {}

  /**
   * What came in the place of the client's Finished could not be opened: mostly because its PSK is
   * another than ours. The handshake goes on for a moment, in case that was forged.
   * @param onProven called when the true Finished has stayed away
   */
  suspectKey(onProven: () => void): void {
    if (this.suspicion !== undefined) return
    const suspicion = new HandshakeFailure(
      'wrong-key',
      `the ${this.peer}'s Finished could not be decrypted: its key is another than the one known here`,
      undefined,
    )
    this.suspicion = suspicion
    this.timer = this.clock.after(PATIENCE, onProven)
  }

  /** An alert in plaintext: anyone could have sent it. */
  notePlainAlert(description: number): void {
    this.alert ??= description
  }

  /** An alert under the keys of the handshake. */
  noteAlert(description: number): void {
    this.alert = description
  }

  /** Whether the peer has sent an alert. */
  get alerted(): boolean {
    return this.alert !== undefined
  }

  /** The true reason. */
  report(failure: HandshakeFailure): void {
    if (this.reported) return
    this.reported = true
    this.tell(failure)
  }

  /** The handshake came to nothing: the likeliest reason. */
  reportEnd(otherwise: HandshakeFailure): void {
    this.report(this.suspicion ?? this.alertFailure() ?? otherwise)
  }

  /** The handshake is over. */
  close(): void {
    this.clock.cancel(this.timer)
    this.timer = undefined
  }

  private alertFailure(): HandshakeFailure | undefined {
    if (this.alert === undefined) return undefined
    const reason = `the ${this.peer} gave up with ${describeAlert(this.alert)}`
    return new HandshakeFailure('peer-alert', reason, undefined)
  }
}
