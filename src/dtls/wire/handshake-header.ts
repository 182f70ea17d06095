import type { ByteReader } from '../../base/byte-reader'
import { HANDSHAKE_HEADER } from './constants'

/** One handshake fragment in a record (RFC 6347 §4.2.2). */
export interface HandshakeFragment {
  readonly type: number
  /** Length of the whole message. */
  readonly length: number
  readonly messageSeq: number
  readonly offset: number
  /** A view, not a copy. */
  readonly body: Uint8Array
}

/** Reads the next fragment of a record. @throws OutOfBounds */
export function readFragment(reader: ByteReader): HandshakeFragment {
  const type = reader.uint8()
  const length = reader.uint24()
  const messageSeq = reader.uint16()
  const offset = reader.uint24()
  const body = reader.take(reader.uint24())
  return { type, length, messageSeq, offset, body }
}

/** Writes the header of a fragment of `fragmentLength` bytes at `offset` of a message. */
export function writeHeader(
  target: Buffer,
  at: number,
  type: number,
  length: number,
  messageSeq: number,
  offset: number,
  fragmentLength: number,
): void {
  target.writeUInt8(type, at)
  target.writeUIntBE(length, at + 1, 3)
  target.writeUInt16BE(messageSeq, at + 4)
  target.writeUIntBE(offset, at + 6, 3)
  target.writeUIntBE(fragmentLength, at + 9, 3)
}

/** A whole message in the form used by the transcript: as if never fragmented (RFC 6347 §4.2.6). */
export function wholeMessage(type: number, messageSeq: number, body: Uint8Array): Buffer {
  const message = Buffer.alloc(HANDSHAKE_HEADER + body.length)
  writeHeader(message, 0, type, body.length, messageSeq, 0, body.length)
  message.set(body, HANDSHAKE_HEADER)
  return message
}
