import type { WireAddress } from '../identity'

/** RFC 9146 §6, RFC 9000 §8: how much more may be sent to an address than came from it. */
const AMPLIFICATION = 3
/** Kept for something small, so that there is a way to prove the address: a ping in its record. */
const RESERVE = 96

/**
 * Where an association has moved to by Connection ID, as long as nothing shows that the client is there:
 * the record that moved it may be a copy, or sent under a forged address.
 */
export class UnprovenPath {
  private received = 0
  private sent = 0
  /** Whether the record that is dealt with came this way. */
  isCurrent = true
  /** Something was too much for the limit. */
  withheld = false

  /**
   * @param proven the last address that the client was proven to be at
   * @param movedBy the sequence number of the record that came from the new one first
   */
  constructor(
    readonly proven: WireAddress,
    readonly movedBy: number,
  ) {}

  /** So many bytes came from the new address. */
  onReceived(bytes: number): void {
    this.received += bytes
  }

  /** Whether so many bytes may be sent there; counts them if so. */
  admit(bytes: number): boolean {
    const reserve = bytes > RESERVE ? RESERVE : 0
    if (this.sent + bytes + reserve > AMPLIFICATION * this.received) {
      this.withheld = true
      return false
    }
    this.sent += bytes
    return true
  }
}
