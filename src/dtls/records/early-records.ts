import type { RawRecord } from './record'

const MOST_BYTES = 8192
const MOST_RECORDS = 32

/**
 * Records that came before their time: datagrams overtake each other, and a look-up may be under way.
 * Bounded: what does not fit is lost, as on the way.
 */
export class EarlyRecords {
  private readonly records: RawRecord[] = []
  private bytes = 0

  /** Keeps a copy. @returns false when there is no room */
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

  /** The one that came first; it is not kept any more. */
  shift(): RawRecord | undefined {
    const record = this.records.shift()
    if (record !== undefined) this.bytes -= record.fragment.length
    return record
  }
}
