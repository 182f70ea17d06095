import { ByteWriter } from '../../wire/byte-writer'
import { Version } from '../../wire/constants'
import { decodeWhole } from '../../wire/decode'
import { DecodeError } from '../../errors'
import { type ServerExtensions, writeServerExtensions } from './extensions'
import { type AnsweredExtensions, parseAnsweredExtensions } from './offered-extensions'

/** RFC 5246 §7.4.1.3. */
export interface ServerHello {
  /** 32 bytes. */
  readonly random: Uint8Array
  /** Empty if the session cannot be resumed. */
  readonly sessionId: Uint8Array
  readonly suite: number
  readonly extensions: ServerExtensions
}

export function buildServerHello(hello: ServerHello): Buffer {
  const writer = new ByteWriter()
    .uint16(Version.dtls12)
    .bytes(hello.random)
    .vector(1, (id) => id.bytes(hello.sessionId))
    .uint16(hello.suite)
    // No compression.
    .uint8(0)
  writeServerExtensions(writer, hello.extensions)
  return writer.finish()
}

/** A received ServerHello: views, only its syntax is validated. */
export interface ReceivedServerHello extends Omit<ServerHello, 'extensions'> {
  readonly version: number
  readonly compressionMethod: number
  readonly extensions: AnsweredExtensions
}

/** @throws DecodeError */
export function parseServerHello(body: Uint8Array): ReceivedServerHello {
  return decodeWhole('ServerHello', body, (reader) => {
    const version = reader.uint16()
    const random = reader.take(32)
    const sessionId = reader.take(reader.uint8())
    if (sessionId.length > 32) throw new DecodeError('the session id is longer than 32 bytes')
    const suite = reader.uint16()
    const compressionMethod = reader.uint8()
    const extensions = parseAnsweredExtensions(reader)
    return { version, random, sessionId, suite, compressionMethod, extensions }
  })
}
