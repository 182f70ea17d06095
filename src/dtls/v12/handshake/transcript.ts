import { createHash } from 'node:crypto'
import type { HandshakeMessage } from './reassembly'
import { wholeMessage } from '../../wire/handshake-header'

/**
 * The handshake messages so far, from the ClientHello with cookie on: the first hello and the
 * HelloVerifyRequest do not count (RFC 6347 §4.2.6).
 */
export class Transcript {
  private readonly sha256 = createHash('sha256')
  private messages: Buffer[] | undefined

  /** @param keepMessages for signatures, which may use another hash */
  constructor(keepMessages: boolean) {
    if (keepMessages) this.messages = []
  }

  add(message: HandshakeMessage): void {
    const bytes = wholeMessage(message.type, message.messageSeq, message.body)
    this.sha256.update(bytes)
    this.messages?.push(bytes)
  }

  hash(): Buffer {
    return this.sha256.copy().digest()
  }

  /** All messages in one piece, once: what CertificateVerify signs (RFC 5246 §7.4.8). */
  takeMessages(): Buffer {
    const bytes = Buffer.concat(this.messages ?? [])
    this.messages = undefined
    return bytes
  }
}
