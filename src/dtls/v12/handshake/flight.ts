import { ContentType, HANDSHAKE_HEADER } from '../../wire/constants'
import { writeHeader } from '../../wire/handshake-header'

/** One step of a flight: a handshake message or the ChangeCipherSpec. */
export type FlightItem =
  | {
      readonly kind: 'handshake'
      readonly epoch: 0 | 1
      readonly type: number
      readonly messageSeq: number
      readonly body: Uint8Array
    }
  | { readonly kind: 'change-cipher-spec' }

/** Converts content to a record with the next sequence number of its epoch. */
export interface RecordWriter {
  write(epoch: 0 | 1, type: number, content: Uint8Array): Buffer
  /** Bytes that a record adds to this content length. */
  overhead(epoch: 0 | 1, length: number): number
}

export interface FlightLimits {
  /** Maximum size of a datagram. */
  readonly mtu: number
  /** Maximum content of a record. */
  readonly plaintext: number
}

const CHANGE_CIPHER_SPEC = Buffer.from([1])
/** Minimum space in a datagram for a fragment. */
const LEAST_FRAGMENT = 64

/**
 * Packs a flight into datagrams: messages too long for one are fragmented (RFC 6347 §4.2.3),
 * several records share a datagram (§4.1.1). Each call creates new records: a retransmission has
 * new sequence numbers (§4.2.4).
 */
export function packFlight(
  items: readonly FlightItem[],
  limits: FlightLimits,
  records: RecordWriter,
): Buffer[] {
  const datagrams: Buffer[] = []
  let current: Buffer[] = []
  let used = 0
  const flush = (): void => {
    if (current.length > 0) datagrams.push(Buffer.concat(current))
    current = []
    used = 0
  }
  const append = (record: Buffer): void => {
    if (used + record.length > limits.mtu) flush()
    current.push(record)
    used += record.length
  }
  for (const item of items) {
    if (item.kind === 'change-cipher-spec') {
      append(records.write(0, ContentType.changeCipherSpec, CHANGE_CIPHER_SPEC))
      continue
    }
    const { epoch, type, messageSeq, body } = item
    let offset = 0
    do {
      const left = body.length - offset
      const room = (): number => {
        const overhead = records.overhead(
          epoch,
          Math.min(limits.plaintext, HANDSHAKE_HEADER + left),
        )
        return Math.min(limits.plaintext, limits.mtu - used - overhead) - HANDSHAKE_HEADER
      }
      if (used > 0 && room() < Math.min(left, LEAST_FRAGMENT)) flush()
      const length = Math.min(left, Math.max(1, room()))
      const fragment = Buffer.alloc(HANDSHAKE_HEADER + length)
      writeHeader(fragment, 0, type, body.length, messageSeq, offset, length)
      fragment.set(body.subarray(offset, offset + length), HANDSHAKE_HEADER)
      append(records.write(epoch, ContentType.handshake, fragment))
      offset += length
    } while (offset < body.length)
  }
  flush()
  return datagrams
}
