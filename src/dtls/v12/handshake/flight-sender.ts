import type { Scheduler, Timer } from '../../../base/scheduler'
import type { RecordCipher } from '../../ciphers'
import { HANDSHAKE_HEADER, LAST_SEQUENCE, RECORD_HEADER } from '../../wire/constants'
import { type FlightItem, packFlight, type RecordWriter } from './flight'
import { NO_CONNECTION_ID, plainRecord, recordOverhead, sealRecord } from '../../records/record'
import type { Settings } from '../../settings'

/** Number of timeouts after which smaller datagrams are used (RFC 6347 §4.1.1.1). */
const TIMEOUTS_BEFORE_SMALLER = 2
/**
 * More records than any flight has. With fewer numbers left nothing is sent: the handshake times
 * out.
 */
const NUMBERS_FOR_FLIGHT = 2 ** 16
/** For a path with packets of 512 bytes, less the headers of IPv6 and UDP. */
const SMALL_MTU = 464

/**
 * Sends the flights of a handshake and retransmits them: after a timeout and, at a limited rate,
 * when the client repeats its flight (RFC 6347 §4.2.4). Counts record sequence numbers of both
 * epochs.
 */
export class FlightSender implements RecordWriter {
  private items: readonly FlightItem[] = []
  private timer: Timer | undefined
  private timeout: number
  private timeouts = 0
  private sentAt = -Infinity
  private cipher: RecordCipher | undefined
  private connectionId: Uint8Array = NO_CONNECTION_ID
  /** Next record sequence number of epoch 1. */
  protectedSequence = 0

  /**
   * @param plainSequence the first record sequence number: that of the client's hello (RFC 6347
   *   §4.2.1)
   */
  constructor(
    private readonly clock: Scheduler,
    private readonly settings: Settings,
    public plaintextLimit: number,
    public plainSequence: number,
    private readonly output: (datagram: Uint8Array) => void,
    private readonly onRetransmission: () => void,
  ) {
    this.timeout = settings.retransmitTimeout
  }

  /** From now on records of epoch 1 can be written. */
  protect(cipher: RecordCipher, connectionId: Uint8Array): void {
    this.cipher = cipher
    this.connectionId = connectionId
  }

  /** Sends a flight and retransmits it until the next one, or {@link stop}. */
  send(items: readonly FlightItem[]): void {
    this.items = items
    this.timeouts = 0
    this.timeout = this.settings.retransmitTimeout
    this.emit()
    this.arm()
  }

  /** Sends a flight that the client does not answer: it is retransmitted on request. */
  sendLast(items: readonly FlightItem[]): void {
    this.stop()
    this.items = items
    this.emit()
  }

  /** The client requests the flight again. */
  repeat(): void {
    if (this.items.length === 0) return
    if (this.clock.monotonic() - this.sentAt < this.settings.retransmitTimeout / 2) return
    this.onRetransmission()
    this.emit()
  }

  stop(): void {
    this.clock.cancel(this.timer)
    this.timer = undefined
    this.items = []
  }

  write(epoch: 0 | 1, type: number, content: Uint8Array): Buffer {
    if (epoch === 0) return plainRecord(type, this.plainSequence++, content)
    if (this.cipher === undefined) throw new RangeError('no keys yet')
    return sealRecord(this.cipher, type, this.protectedSequence++, content, this.connectionId)
  }

  overhead(epoch: 0 | 1, length: number): number {
    if (epoch === 0 || this.cipher === undefined) return RECORD_HEADER
    return recordOverhead(this.cipher, length, this.connectionId)
  }

  private emit(): void {
    if (Math.max(this.plainSequence, this.protectedSequence) > LAST_SEQUENCE - NUMBERS_FOR_FLIGHT) {
      return
    }
    this.sentAt = this.clock.monotonic()
    const { mtu } = this.settings
    const limits = {
      mtu: this.timeouts < TIMEOUTS_BEFORE_SMALLER ? mtu : Math.min(mtu, SMALL_MTU),
      plaintext: Math.max(this.plaintextLimit, HANDSHAKE_HEADER + 1),
    }
    for (const datagram of packFlight(this.items, limits, this)) this.output(datagram)
  }

  private arm(): void {
    this.clock.cancel(this.timer)
    this.timer = this.clock.after(this.timeout, () => {
      this.timeouts++
      this.timeout = Math.min(this.timeout * 2, this.settings.maxRetransmitTimeout)
      this.onRetransmission()
      this.emit()
      this.arm()
    })
  }
}
