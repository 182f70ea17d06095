import { createHash, type Hash } from 'node:crypto'
import type { PrfHash } from '../../ciphers/suites'
import type { HandshakeMessage } from './reassembly'
import { wholeMessage } from '../../wire/handshake-header'

/**
 * The handshake messages so far, from the ClientHello with cookie on: the first hello and the
 * HelloVerifyRequest are not included (RFC 6347 §4.2.6).
 */
export class Transcript {
  private readonly digest: Hash
  private messages: Buffer[] | undefined

  /**
   * @param keepMessages for signatures, which may use another hash
   * @param hash hash of the suite's PRF
   */
  constructor(keepMessages: boolean, hash: PrfHash = 'sha256') {
    this.digest = createHash(hash)
    if (keepMessages) this.messages = []
  }

  add(message: HandshakeMessage): void {
    const bytes = wholeMessage(message.type, message.messageSeq, message.body)
    this.digest.update(bytes)
    this.messages?.push(bytes)
  }

  hash(): Buffer {
    return this.digest.copy().digest()
  }

  /** All messages in one buffer, once: signed by CertificateVerify (RFC 5246 §7.4.8). */
  takeMessages(): Buffer {
    const bytes = Buffer.concat(this.messages ?? [])
    this.messages = undefined
    return bytes
  }
}
