import { ContentType, Version } from '../wire/constants'

/** Which record is being protected: what authentication covers besides the content. */
export interface RecordContext {
  /** As on the wire: {@link ContentType.tls12Cid} when there is a Connection ID. */
  type: number
  epoch: number
  sequence: number
  /** Empty without Connection ID. */
  connectionId: Uint8Array
}

/** Protects and opens the records of one association, both directions. */
export interface RecordCipher {
  /** After so many forged records the association must end. */
  readonly forgeryLimit: number
  /** How long the fragment of a record with so much plaintext is. */
  sealedLength(plaintextLength: number): number
  /** Writes the protected fragment to `target` at `at`: exactly `sealedLength` bytes. */
  seal(plaintext: Uint8Array, context: RecordContext, target: Buffer, at: number): void
  /** The plaintext, in memory of its own; undefined when the record is not authentic, whatever the reason. */
  open(fragment: Uint8Array, context: RecordContext): Buffer | undefined
}

const PLAIN_LENGTH = 13
/** Ones ×8, 25, length of the Connection ID, 25, version, epoch and sequence; then the ID and the length. */
const CID_PREFIX = 21
const MAX_CONNECTION_ID = 255

const plain = Buffer.alloc(PLAIN_LENGTH)
const withCid = Buffer.alloc(CID_PREFIX + MAX_CONNECTION_ID + 2, 0xff)

/**
 * Epoch and sequence number as they stand in the record header. Never throws; that `sequence` is at
 * most {@link LAST_SEQUENCE} is the caller's duty: a number must not be used twice.
 */
export function writeEpochSequence(
  target: Buffer,
  at: number,
  epoch: number,
  sequence: number,
): void {
  const high = Math.floor(sequence / 0x1_0000_0000)
  const low = sequence >>> 0
  target[at] = epoch >>> 8
  target[at + 1] = epoch
  target[at + 2] = high >>> 8
  target[at + 3] = high
  target[at + 4] = low >>> 24
  target[at + 5] = low >>> 16
  target[at + 6] = low >>> 8
  target[at + 7] = low
}

/**
 * The additional data of a record: RFC 5246 §6.2.3.3, or RFC 9146 §5 with a Connection ID. The bytes
 * are shared: use them before the next call.
 * @param length what the clause for the cipher counts
 */
export function additionalData(context: RecordContext, length: number): Buffer {
  const { type, epoch, sequence, connectionId } = context
  if (type !== ContentType.tls12Cid) {
    writeEpochSequence(plain, 0, epoch, sequence)
    plain.writeUInt8(type, 8)
    plain.writeUInt16BE(Version.dtls12, 9)
    plain.writeUInt16BE(length, 11)
    return plain
  }
  withCid.writeUInt8(ContentType.tls12Cid, 8)
  withCid.writeUInt8(connectionId.length, 9)
  withCid.writeUInt8(ContentType.tls12Cid, 10)
  withCid.writeUInt16BE(Version.dtls12, 11)
  writeEpochSequence(withCid, 13, epoch, sequence)
  withCid.set(connectionId, CID_PREFIX)
  const end = CID_PREFIX + connectionId.length
  withCid.writeUInt16BE(length, end)
  return withCid.subarray(0, end + 2)
}
