import type { WireAddress } from '../identity'

/**
 * RFC 9146 §6, RFC 9000 §8: limit of the bytes sent to an address, as a multiple of those received
 * from it.
 */
const AMPLIFICATION = 3
/** Bytes reserved for a ping record, with which the address can be verified. */
const RESERVE = 96

/**
 * The address to which an association has moved by Connection ID, until it is verified: the record
 * that moved it may be a copy, or sent from a forged address.
 */
export class UnprovenPath {
  private received = 0
  private sent = 0
  /** Whether the record being processed came from this address. */
  isCurrent = true
  /** Something was not sent because of the limit. */
  withheld = false

  /**
   * @param proven the last verified address of the client
   * @param movedBy the sequence number of the first record from the new address
   */
  constructor(
    readonly proven: WireAddress,
    readonly movedBy: number,
  ) {}

  /** Counts bytes received from the new address. */
  onReceived(bytes: number): void {
    this.received += bytes
  }

  /** Whether this many bytes may be sent there; counts them if so. */
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
