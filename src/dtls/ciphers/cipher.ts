import { ContentType, Version } from '../wire/constants'

/** The authenticated header fields of a record. */
export interface RecordContext {
  /** As sent: {@link ContentType.tls12Cid} with a Connection ID. */
  type: number
  epoch: number
  sequence: number
  /** Empty without Connection ID. */
  connectionId: Uint8Array
}

/** Encrypts and decrypts the records of one association, in both directions. */
export interface RecordCipher {
  /** Number of forged records after which the association must end. */
  readonly forgeryLimit: number
  /** Length of the fragment for this plaintext length. */
  sealedLength(plaintextLength: number): number
  /** Writes the protected fragment to `target` at `at`: exactly `sealedLength` bytes. */
  seal(plaintext: Uint8Array, context: RecordContext, target: Buffer, at: number): void
  /** The plaintext in a new buffer; undefined if the record is not authentic, for any reason. */
  open(fragment: Uint8Array, context: RecordContext): Buffer | undefined
}

const PLAIN_LENGTH = 13
/** Ones ×8, 25, length of the Connection ID, 25, version, epoch and sequence; then the ID and the length. */
const CID_PREFIX = 21
const MAX_CONNECTION_ID = 255

const plain = Buffer.alloc(PLAIN_LENGTH)
const withCid = Buffer.alloc(CID_PREFIX + MAX_CONNECTION_ID + 2, 0xff)

/**
 * Epoch and sequence number in the form of the record header. Never throws; the caller must ensure
 * that `sequence` is at most {@link LAST_SEQUENCE}, because a number must not be used twice.
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
 * The additional data of a record: RFC 5246 §6.2.3.3, or RFC 9146 §5 with a Connection ID. The
 * buffer is shared: use it before the next call.
 * @param length as defined in the clause of the cipher
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
