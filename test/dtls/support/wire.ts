import { ByteReader } from '../../../src/base/byte-reader'
import { ByteWriter } from '../../../src/dtls/wire/byte-writer'

/** A record as written by the hostile client: nothing is validated. */
export function rawRecord(
  type: number,
  epoch: number,
  sequence: number,
  fragment: Uint8Array,
  version = 0xfefd,
): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt8(type, 0)
  header.writeUInt16BE(version, 1)
  header.writeUInt16BE(epoch, 3)
  header.writeUIntBE(sequence, 5, 6)
  header.writeUInt16BE(fragment.length, 11)
  return Buffer.concat([header, fragment])
}

/** A handshake fragment; by default a whole message. */
export function rawFragment(
  type: number,
  messageSeq: number,
  body: Uint8Array,
  options: { length?: number; offset?: number; fragmentLength?: number } = {},
): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 0)
  header.writeUIntBE(options.length ?? body.length, 1, 3)
  header.writeUInt16BE(messageSeq, 4)
  header.writeUIntBE(options.offset ?? 0, 6, 3)
  header.writeUIntBE(options.fragmentLength ?? body.length, 9, 3)
  return Buffer.concat([header, body])
}

export type RawExtension = readonly [type: number, body: Uint8Array]

export interface HelloFields {
  readonly version: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly cookie: Uint8Array
  readonly suites: readonly number[]
  readonly compression: readonly number[]
  readonly extensions: readonly RawExtension[]
}

/** The body of a ClientHello. */
export function rawHello(fields: HelloFields): Buffer {
  const writer = new ByteWriter()
    .uint16(fields.version)
    .bytes(fields.random)
    .vector(1, (w) => w.bytes(fields.sessionId))
    .vector(1, (w) => w.bytes(fields.cookie))
    .vector(2, (w) => fields.suites.forEach((suite) => w.uint16(suite)))
    .vector(1, (w) => fields.compression.forEach((method) => w.uint8(method)))
  if (fields.extensions.length > 0) {
    writer.vector(2, (list) => {
      for (const [type, body] of fields.extensions) {
        list.uint16(type).vector(2, (w) => w.bytes(body))
      }
    })
  }
  return writer.finish()
}

/** A record as it arrives at the client. */
export interface ReceivedRecord {
  readonly type: number
  readonly version: number
  readonly epoch: number
  readonly sequence: number
  readonly connectionId: Buffer
  readonly fragment: Buffer
}

/**
 * Splits the server's datagrams, as far as the client understands them: its hello may have been
 * modified.
 */
export function splitRecords(datagram: Buffer, cidLength: number): ReceivedRecord[] {
  const reader = new ByteReader(datagram)
  const records: ReceivedRecord[] = []
  while (reader.remaining > 0) {
    const type = reader.uint8()
    const cid = type === 25 ? cidLength : 0
    if (reader.remaining < 12 + cid) break
    const version = reader.uint16()
    const epoch = reader.uint16()
    const sequence = reader.uint48()
    const connectionId = Buffer.from(reader.take(cid))
    const length = reader.uint16()
    if (reader.remaining < length) break
    const fragment = Buffer.from(reader.take(length))
    records.push({ type, version, epoch, sequence, connectionId, fragment })
  }
  return records
}

export interface ReceivedHello {
  readonly sessionId: Buffer
  readonly random: Buffer
  readonly suite: number
  readonly extensions: ReadonlyMap<number, Buffer>
}

/** The body of a ServerHello. */
export function readServerHello(body: Uint8Array): ReceivedHello {
  const reader = new ByteReader(body)
  reader.uint16()
  const random = Buffer.from(reader.take(32))
  const sessionId = Buffer.from(reader.take(reader.uint8()))
  const suite = reader.uint16()
  reader.uint8()
  const extensions = new Map<number, Buffer>()
  if (reader.remaining > 0) {
    const list = reader.sub(reader.uint16())
    while (list.remaining > 0) {
      const type = list.uint16()
      extensions.set(type, Buffer.from(list.take(list.uint16())))
    }
  }
  return { random, sessionId, suite, extensions }
}
