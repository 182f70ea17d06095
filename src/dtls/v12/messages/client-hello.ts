import type { ClientHelloPrefix } from '../../hello/client-hello-prefix'
import { decodeWhole, uint16List } from '../../wire/decode'
import { type ClientExtensions, parseClientExtensions } from './extensions'

/** A ClientHello (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1). */
export interface ClientHello extends Omit<ClientHelloPrefix, 'suites' | 'end'> {
  readonly suites: readonly number[]
  readonly extensions: ClientExtensions
}

/** Parses the rest of a hello whose cookie was right. @throws DecodeError */
export function parseClientHello(body: Uint8Array, prefix: ClientHelloPrefix): ClientHello {
  const { suites, end, ...rest } = prefix
  const list = decodeWhole('cipher suites', suites, (reader) => uint16List('suites', reader))
  const extensions = decodeWhole('extensions', body.subarray(end), parseClientExtensions)
  return { ...rest, suites: list, extensions }
}
