import type { Scheduler, Timer } from '../../../base/scheduler'
import { HandshakeFailure } from '../../errors'
import type { Role } from '../../identity'
import { describeAlert } from '../../wire/alert'

/**
 * Time in ms to wait for the real Finished after an invalid record in its place. The datagrams of a
 * flight may be reordered, and anyone can forge records that cannot be decrypted; but nobody can
 * forge the absence of the real one.
 */
const PATIENCE = 1000

/**
 * Reports to the operator once why a handshake failed: when it ends or, if the other end must not
 * be notified, before. Collects hints that prove nothing by themselves.
 */
export class FailureReporter {
  private suspicion: HandshakeFailure | undefined
  private alert: number | undefined
  private timer: Timer | undefined
  private reported = false

  constructor(
    private readonly clock: Scheduler,
    private readonly tell: (failure: HandshakeFailure) => void,
    /** The role of the other end. */
    private readonly peer: Role = 'client',
  ) {}

  /**
   * A record in place of the client's Finished could not be decrypted, mostly because its PSK
   * differs from ours. The handshake continues for a moment, in case it was forged.
   * @param onProven called if the real Finished did not arrive
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

  /** A plaintext alert, which may be forged. */
  notePlainAlert(description: number): void {
    this.alert ??= description
  }

  /** An alert protected by the keys of the handshake. */
  noteAlert(description: number): void {
    this.alert = description
  }

  /** Whether the peer has sent an alert. */
  get alerted(): boolean {
    return this.alert !== undefined
  }

  /** Reports the real reason. */
  report(failure: HandshakeFailure): void {
    if (this.reported) return
    this.reported = true
    this.tell(failure)
  }

  /** The handshake failed: reports the most likely reason. */
  reportEnd(otherwise: HandshakeFailure): void {
    this.report(this.suspicion ?? this.alertFailure() ?? otherwise)
  }

  /** The handshake has ended. */
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
