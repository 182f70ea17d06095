import { ByteWriter } from '../../wire/byte-writer'
import { Version } from '../../wire/constants'
import type { ClientHelloPrefix } from '../../hello/client-hello-prefix'
import { decodeWhole, uint16List } from '../../wire/decode'
import { type ClientExtensions, parseClientExtensions } from './extensions'
import { type OfferedExtensions, writeOfferedExtensions } from './offered-extensions'

/** A ClientHello (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1). */
export interface ClientHello extends Omit<ClientHelloPrefix, 'suites' | 'end'> {
  readonly suites: readonly number[]
  readonly extensions: ClientExtensions
}

/** Parses the rest of a hello with a valid cookie. @throws DecodeError */
export function parseClientHello(body: Uint8Array, prefix: ClientHelloPrefix): ClientHello {
  const { suites, end, ...rest } = prefix
  const list = decodeWhole('cipher suites', suites, (reader) => uint16List('suites', reader))
  const extensions = decodeWhole('extensions', body.subarray(end), parseClientExtensions)
  return { ...rest, suites: list, extensions }
}

/** The fields of a ClientHello to send, without or with the cookie of the server. */
export interface ClientHelloInit {
  /** 32 bytes. */
  readonly random: Uint8Array
  /** Empty, or the id of the session to resume. */
  readonly sessionId: Uint8Array
  /** Empty in the first hello. */
  readonly cookie: Uint8Array
  readonly suites: readonly number[]
  readonly extensions: OfferedExtensions
}

export function buildClientHello(hello: ClientHelloInit): Buffer {
  const writer = new ByteWriter()
    .uint16(Version.dtls12)
    .bytes(hello.random)
    .vector(1, (id) => id.bytes(hello.sessionId))
    .vector(1, (cookie) => cookie.bytes(hello.cookie))
    .vector(2, (suites) => {
      for (const suite of hello.suites) suites.uint16(suite)
    })
    // No compression.
    .vector(1, (methods) => methods.uint8(0))
  writeOfferedExtensions(writer, hello.extensions)
  return writer.finish()
}
