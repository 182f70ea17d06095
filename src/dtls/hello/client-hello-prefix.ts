import { DecodeError } from '../errors'
import { decodeWhole } from '../wire/decode'

/** The part of a ClientHello that is bound by its cookie; parsed before anything is verified. */
export interface ClientHelloPrefix {
  readonly version: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly cookie: Uint8Array
  /** The raw list. */
  readonly suites: Uint8Array
  readonly compressionMethods: Uint8Array
  /** Where the extensions begin. */
  readonly end: number
}

/** @throws DecodeError; the extensions are not parsed */
export function parseClientHelloPrefix(body: Uint8Array): ClientHelloPrefix {
  let end = 0
  return decodeWhole('ClientHello', body, (reader) => {
    const version = reader.uint16()
    const random = reader.take(32)
    const sessionId = reader.take(reader.uint8())
    if (sessionId.length > 32) throw new DecodeError('the session id is longer than 32 bytes')
    const cookie = reader.take(reader.uint8())
    const suites = reader.take(reader.uint16())
    if (suites.length === 0 || suites.length % 2 !== 0) {
      throw new DecodeError(`a list of ${suites.length} bytes of cipher suites`)
    }
    const compressionMethods = reader.take(reader.uint8())
    if (compressionMethods.length === 0) throw new DecodeError('no compression method')
    end = reader.offset
    reader.skip(reader.remaining)
    return { version, random, sessionId, cookie, suites, compressionMethods, end }
  })
}
