import type { RecordCipher, RecordContext } from '../ciphers'
import { writeEpochSequence } from '../ciphers/cipher'
import { ContentType, MAX_CIPHERTEXT, RECORD_HEADER, Version } from '../wire/constants'
import type { DropReason } from '../counters'

/** A record within its datagram; views, not copies. */
export interface RawRecord {
  readonly type: number
  readonly version: number
  readonly epoch: number
  readonly sequence: number
  /** Only for type 25; otherwise empty. */
  readonly connectionId: Uint8Array
  readonly fragment: Uint8Array
}

/** The length of a record in its datagram. */
export function recordLength({ connectionId, fragment }: RawRecord): number {
  return RECORD_HEADER + connectionId.length + fragment.length
}

export const NO_CONNECTION_ID = new Uint8Array(0)

/**
 * Result of {@link readRecord}: a record or the reason why there is none, and where to continue.
 */
export interface RecordStep {
  readonly record: RawRecord | undefined
  readonly problem: DropReason | undefined
  /** Offset of the next record; the end of the datagram if it is unknown. */
  readonly next: number
}

/**
 * Reads the record at `at` of a datagram (RFC 6347 §4.1, RFC 9146 §4). After one that is too large
 * or of unknown type, the rest of the datagram is still processed.
 * @param cidLength length of our own Connection IDs: records of type 25 do not contain it
 */
export function readRecord(datagram: Buffer, at: number, cidLength: number): RecordStep {
  const give = (problem: DropReason, next = datagram.length): RecordStep => {
    return { record: undefined, problem, next }
  }
  if (datagram.length - at < RECORD_HEADER) return give('malformed')
  const type = datagram.readUInt8(at)
  const version = datagram.readUInt16BE(at + 1)
  // Not DTLS: nothing that follows can be expected to be records.
  if (version >> 8 !== 0xfe) return give('bad-version')
  const cid = type === ContentType.tls12Cid ? cidLength : 0
  const start = at + RECORD_HEADER + cid
  if (start > datagram.length) return give('malformed')
  const length = datagram.readUInt16BE(start - 2)
  const next = start + length
  if (next > datagram.length) return give('malformed')
  if (length > MAX_CIPHERTEXT) return give('record-too-large', next)
  if (!isKnownType(type) || (type === ContentType.tls12Cid && cidLength === 0)) {
    return give('unknown-type', next)
  }
  const record = {
    type,
    version,
    epoch: datagram.readUInt16BE(at + 3),
    sequence: datagram.readUInt16BE(at + 5) * 0x1_0000_0000 + datagram.readUInt32BE(at + 7),
    connectionId: cid === 0 ? NO_CONNECTION_ID : datagram.subarray(at + 11, at + 11 + cid),
    fragment: datagram.subarray(start, next),
  }
  return { record, problem: undefined, next }
}

function isKnownType(type: number): boolean {
  return (
    (type >= ContentType.changeCipherSpec && type <= ContentType.applicationData) ||
    type === ContentType.tls12Cid
  )
}

function writeRecordHeader(target: Buffer, context: RecordContext, length: number): number {
  target.writeUInt8(context.type, 0)
  target.writeUInt16BE(Version.dtls12, 1)
  writeEpochSequence(target, 3, context.epoch, context.sequence)
  target.set(context.connectionId, 11)
  const at = 11 + context.connectionId.length
  target.writeUInt16BE(length, at)
  return at + 2
}

/** An unprotected record of epoch 0. */
export function plainRecord(
  type: number,
  sequence: number,
  fragment: Uint8Array,
  version: number = Version.dtls12,
): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER + fragment.length)
  record.writeUInt8(type, 0)
  record.writeUInt16BE(version, 1)
  writeEpochSequence(record, 3, 0, sequence)
  record.writeUInt16BE(fragment.length, 11)
  record.set(fragment, RECORD_HEADER)
  return record
}

/** Reused: encryption and decryption are synchronous and never nested. */
const context: RecordContext = { type: 0, epoch: 1, sequence: 0, connectionId: NO_CONNECTION_ID }

/**
 * A protected record of epoch 1.
 * @param connectionId as required by the peer; with one, the real type is encrypted (RFC 9146 §4)
 */
export function sealRecord(
  cipher: RecordCipher,
  type: number,
  sequence: number,
  content: Uint8Array,
  connectionId: Uint8Array,
): Buffer {
  let plaintext = content
  context.type = type
  context.sequence = sequence
  context.connectionId = connectionId
  if (connectionId.length > 0) {
    context.type = ContentType.tls12Cid
    plaintext = Buffer.allocUnsafe(content.length + 1)
    plaintext.set(content)
    plaintext[content.length] = type
  }
  const length = cipher.sealedLength(plaintext.length)
  const record = Buffer.allocUnsafe(RECORD_HEADER + connectionId.length + length)
  const at = writeRecordHeader(record, context, length)
  cipher.seal(plaintext, context, record, at)
  return record
}

/** The bytes that protection adds to a plaintext of `length` bytes. */
export function recordOverhead(
  cipher: RecordCipher,
  length: number,
  connectionId: Uint8Array,
): number {
  const inner = connectionId.length > 0 ? length + 1 : length
  return RECORD_HEADER + connectionId.length + cipher.sealedLength(inner) - length
}

/** A decrypted record: its real type and its content, in a new buffer. */
export interface OpenedRecord {
  readonly type: number
  readonly content: Buffer
}

/** Undefined if it is not authentic, or invalid (a Connection ID record without a type). */
export function openRecord(cipher: RecordCipher, record: RawRecord): OpenedRecord | undefined {
  if (record.version !== Version.dtls12) return undefined
  context.type = record.type
  context.sequence = record.sequence
  context.connectionId = record.connectionId
  const plaintext = cipher.open(record.fragment, context)
  if (plaintext === undefined || plaintext.length > 1 + (1 << 14)) return undefined
  if (record.type !== ContentType.tls12Cid) return { type: record.type, content: plaintext }
  // RFC 9146 §4: content, real type, zeros.
  let end = plaintext.length - 1
  while (end >= 0 && plaintext[end] === 0) end--
  const type = plaintext[end]
  if (type === undefined) return undefined
  return { type, content: plaintext.subarray(0, end) }
}
