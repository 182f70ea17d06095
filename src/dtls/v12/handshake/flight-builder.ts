import type { FlightItem } from './flight'
import type { HandshakeMessage } from './reassembly'

/** Numbers our handshake messages and adds them to the transcript. */
export class FlightBuilder {
  readonly items: FlightItem[] = []

  constructor(
    private nextSeq: number,
    private readonly onMessage: (message: HandshakeMessage) => void,
  ) {}

  /** The message_seq of the next message. */
  get messageSeq(): number {
    return this.nextSeq
  }

  message(epoch: 0 | 1, type: number, body: Uint8Array): this {
    const messageSeq = this.nextSeq++
    this.items.push({ kind: 'handshake', epoch, type, messageSeq, body })
    this.onMessage({ type, messageSeq, body })
    return this
  }

  changeCipherSpec(): this {
    this.items.push({ kind: 'change-cipher-spec' })
    return this
  }
}
