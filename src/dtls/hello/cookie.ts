import {
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type { Clock } from '../../base/clock'
import type { WireAddress } from '../identity'
import type { ClientHelloPrefix } from './client-hello-prefix'

export const COOKIE_LENGTH = 32

/**
 * Stateless cookies (RFC 6347 §4.2.1): an HMAC over the address and content of the hello with a
 * secret that is rotated; the previous secret is valid for one more lifetime.
 *
 * Extensions are not included: Anjay with OpenSSL pads its second hello to another length.
 */
export class CookieJar {
  private current = newSecret()
  private previous = newSecret()
  private changedAt: number

  constructor(
    private readonly clock: Clock,
    private readonly lifetime: number,
  ) {
    this.changedAt = clock.monotonic()
  }

  make(hello: ClientHelloPrefix, from: WireAddress): Buffer {
    this.rotate()
    return cookie(this.current, hello, from)
  }

  isValid(hello: ClientHelloPrefix, from: WireAddress): boolean {
    if (hello.cookie.length !== COOKIE_LENGTH) return false
    this.rotate()
    return (
      timingSafeEqual(hello.cookie, cookie(this.current, hello, from)) ||
      timingSafeEqual(hello.cookie, cookie(this.previous, hello, from))
    )
  }

  /** Rotates the secret if it is due; checked at each use, so that no timer is needed. */
  private rotate(): void {
    const age = this.clock.monotonic() - this.changedAt
    if (age < this.lifetime) return
    this.previous = age < 2 * this.lifetime ? this.current : newSecret()
    this.current = newSecret()
    this.changedAt = this.clock.monotonic()
  }
}

function newSecret(): KeyObject {
  return createSecretKey(randomBytes(32))
}

const lengths = Buffer.alloc(6)

function cookie(secret: KeyObject, hello: ClientHelloPrefix, from: WireAddress): Buffer {
  // Lengths first, so that different hellos never give the same input.
  lengths.writeUInt16BE(hello.version, 0)
  lengths.writeUInt8(hello.sessionId.length, 2)
  lengths.writeUInt8(hello.compressionMethods.length, 3)
  lengths.writeUInt16BE(hello.suites.length, 4)
  return createHmac('sha256', secret)
    .update(`${from.wireAddress}|${from.port}|`)
    .update(lengths)
    .update(hello.random)
    .update(hello.sessionId)
    .update(hello.compressionMethods)
    .update(hello.suites)
    .digest()
}
