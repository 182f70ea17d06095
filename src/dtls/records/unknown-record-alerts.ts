import type { Clock } from '../../base/clock'
import {
  type KeyedRate,
  KeyedRateLimiter,
  type Rate,
  RateLimiter,
  SECOND,
} from '../../base/rate-limiter'
import type { WireAddress } from '../identity'
import { buildAlert } from '../wire/alert'
import { Alert, AlertLevel, ContentType } from '../wire/constants'
import { plainRecord, type RawRecord, recordLength } from './record'

const ALERTS: Rate = { name: 'alerts that answer unknown records', limit: 100, interval: SECOND }
const PER_ADDRESS: KeyedRate = {
  name: 'alerts that answer unknown records, to one address',
  limit: 1,
  interval: 10 * SECOND,
  keys: 2000,
}

/**
 * Answers protected records that belong to nothing here, as after a restart: a client that accepts
 * plaintext alerts then makes a new handshake instead of sending in vain. Most stacks ignore them
 * (RFC 6347 §4.1.2.7). Anyone can send such records from any address, so answers are shorter than
 * the record, and few.
 */
export class UnknownRecordAlerts {
  private readonly alerts: RateLimiter
  private readonly perAddress: KeyedRateLimiter

  constructor(
    clock: Clock,
    private readonly output: (datagram: Buffer, to: WireAddress) => void,
  ) {
    this.alerts = new RateLimiter(clock, ALERTS)
    this.perAddress = new KeyedRateLimiter(clock, PER_ADDRESS)
  }

  /** @param key of `from` */
  onRecord(record: RawRecord, from: WireAddress, key: string): void {
    // A Finished is not answered: a wrong key must not be distinguishable from an unknown identity.
    if (record.type !== ContentType.applicationData && record.type !== ContentType.tls12Cid) return
    const body = buildAlert(AlertLevel.fatal, Alert.badRecordMac)
    const alert = plainRecord(ContentType.alert, record.sequence, body)
    if (alert.length >= recordLength(record) || !this.mayAnswer(key)) return
    this.output(alert, from)
  }

  private mayAnswer(key: string): boolean {
    return this.perAddress.allows(key) && this.alerts.take() && this.perAddress.take(key)
  }
}
