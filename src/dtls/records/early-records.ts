import type { RawRecord } from './record'

const MOST_BYTES = 8192
const MOST_RECORDS = 32

/**
 * Records that arrived too early: datagrams may be reordered, and a lookup may be pending. Bounded:
 * records beyond the limit are dropped, like datagrams lost on the path.
 */
export class EarlyRecords {
  private readonly records: RawRecord[] = []
  private bytes = 0

  /** Keeps a copy. @returns false if the limit is reached */
  hold(record: RawRecord): boolean {
    const bytes = this.bytes + record.fragment.length
    if (bytes > MOST_BYTES || this.records.length === MOST_RECORDS) return false
    this.bytes = bytes
    this.records.push({
      ...record,
      connectionId: new Uint8Array(record.connectionId),
      fragment: new Uint8Array(record.fragment),
    })
    return true
  }

  get count(): number {
    return this.records.length
  }

  /** Removes and returns the oldest one. */
  shift(): RawRecord | undefined {
    const record = this.records.shift()
    if (record !== undefined) this.bytes -= record.fragment.length
    return record
  }
}
