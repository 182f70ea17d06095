import { ByteReader, OutOfBounds } from '../../../base/byte-reader'
import type { Clock } from '../../../base/clock'
import {
  ContentType,
  HandshakeType,
  LAST_MESSAGE_SEQ,
  LAST_SEQUENCE,
  Version,
} from '../../wire/constants'
import { CookieJar } from '../../hello/cookie'
import type { DropReason } from '../../counters'
import { DecodeError } from '../../errors'
import type { WireAddress } from '../../identity'
import { type ClientHelloPrefix, parseClientHelloPrefix } from '../../hello/client-hello-prefix'
import { type HandshakeFragment, readFragment, wholeMessage } from '../../wire/handshake-header'
import { buildHelloVerifyRequest } from '../messages/hello-verify-request'
import { plainRecord, type RawRecord } from '../../records/record'

/** Our record and message numbers continue those of the hello, so this many must be left. */
const RECORDS_LEFT = 2 ** 20
const MESSAGES_LEFT = 2 ** 8

/** A hello whose sender can receive at its address. */
export interface CheckedHello {
  readonly fragment: HandshakeFragment
  readonly prefix: ClientHelloPrefix
}

/** Result of a hello: accepted, answered with a cookie, or dropped. */
export type HelloOutcome =
  | { readonly kind: 'checked'; readonly checked: CheckedHello }
  | { readonly kind: 'verify'; readonly datagram: Buffer }
  | { readonly kind: 'dropped'; readonly reason: DropReason }

/**
 * The stateless part of a handshake (RFC 6347 §4.2.1). Before a valid cookie no state is kept, only
 * the fixed part of the hello is parsed, and the response is shorter than the hello.
 *
 * A fragmented hello is dropped: reassembly would need state for an unverified address.
 */
export class HelloGate {
  private readonly cookies: CookieJar

  constructor(clock: Clock, cookieLifetime: number) {
    this.cookies = new CookieJar(clock, cookieLifetime)
  }

  check(record: RawRecord, from: WireAddress): HelloOutcome {
    let fragment: HandshakeFragment
    let prefix: ClientHelloPrefix
    try {
      const reader = new ByteReader(record.fragment)
      fragment = readFragment(reader)
      if (reader.remaining > 0) return { kind: 'dropped', reason: 'malformed-hello' }
      if (fragment.offset > 0 || fragment.body.length !== fragment.length) {
        return { kind: 'dropped', reason: 'fragmented-hello' }
      }
      prefix = parseClientHelloPrefix(fragment.body)
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof OutOfBounds)) throw error
      return { kind: 'dropped', reason: 'malformed-hello' }
    }
    if (this.cookies.isValid(prefix, from)) {
      const { messageSeq } = fragment
      if (
        record.sequence > LAST_SEQUENCE - RECORDS_LEFT ||
        messageSeq > LAST_MESSAGE_SEQ - MESSAGES_LEFT
      ) {
        return { kind: 'dropped', reason: 'number-limit' }
      }
      return { kind: 'checked', checked: { fragment, prefix } }
    }
    const body = buildHelloVerifyRequest(this.cookies.make(prefix, from))
    const message = wholeMessage(HandshakeType.helloVerifyRequest, fragment.messageSeq, body)
    // Record sequence number and message_seq are those of the hello: no state is kept.
    const { sequence } = record
    const datagram = plainRecord(ContentType.handshake, sequence, message, Version.dtls10)
    return { kind: 'verify', datagram }
  }
}
