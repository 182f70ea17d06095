import type { Clock } from '../../base/clock'
import type { WireAddress } from '../identity'
import { buildAlert } from '../wire/alert'
import { Alert, AlertLevel, ContentType } from '../wire/constants'
import { plainRecord, type RawRecord, recordLength } from './record'

/** Alerts in all, per second; what is not used adds up to one second's. */
const RATE = 100
/** The least time between two alerts to one address, ms. */
const INTERVAL = 10_000
/** Addresses that are remembered for that. */
const MOST_ADDRESSES = 2000

/**
 * Answers protected records that belong to nothing here, as after a restart: a client that takes
 * plaintext alerts then makes a new handshake instead of sending into the void. Most stacks ignore them
 * (RFC 6347 §4.1.2.7). Anyone can send such records under any address, so that an answer is shorter than
 * what it answers, and answers are few.
 */
export class UnknownRecordAlerts {
  private tokens = RATE
  private refilledAt: number
  private readonly answered = new Map<string, number>()

  constructor(
    private readonly clock: Clock,
    private readonly output: (datagram: Buffer, to: WireAddress) => void,
  ) {
    this.refilledAt = clock.monotonic()
  }

  /** @param key of `from` */
  onRecord(record: RawRecord, from: WireAddress, key: string): void {
    // A Finished is not answered: nothing is to tell a wrong key from an unknown identity.
    if (record.type !== ContentType.applicationData && record.type !== ContentType.tls12Cid) return
    const body = buildAlert(AlertLevel.fatal, Alert.badRecordMac)
    const alert = plainRecord(ContentType.alert, record.sequence, body)
    if (alert.length >= recordLength(record) || !this.mayAnswer(key)) return
    this.output(alert, from)
  }

  private mayAnswer(key: string): boolean {
    const now = this.clock.monotonic()
    this.tokens = Math.min(RATE, this.tokens + ((now - this.refilledAt) * RATE) / 1000)
    this.refilledAt = now
    if (this.tokens < 1 || now - (this.answered.get(key) ?? -Infinity) < INTERVAL) return false
    this.tokens--
    this.answered.delete(key)
    this.answered.set(key, now)
    for (const oldest of this.answered.keys()) {
      if (this.answered.size <= MOST_ADDRESSES) break
      this.answered.delete(oldest)
    }
    return true
  }
}
