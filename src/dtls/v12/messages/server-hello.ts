import { ByteWriter } from '../../wire/byte-writer'
import { Version } from '../../wire/constants'
import { type ServerExtensions, writeServerExtensions } from './extensions'

/** RFC 5246 §7.4.1.3. */
export interface ServerHello {
  /** 32 bytes. */
  readonly random: Uint8Array
  /** Empty: the session cannot be resumed. */
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
    // No compression, ever.
    .uint8(0)
  writeServerExtensions(writer, hello.extensions)
  return writer.finish()
}
