import { Alert, HandshakeType, MAX_HANDSHAKE_MESSAGE } from '../../wire/constants'
import { HandshakeFailure } from '../../errors'
import type { Role } from '../../identity'
import type { HandshakeFragment } from '../../wire/handshake-header'

/** A reassembled handshake message. */
export interface HandshakeMessage {
  readonly type: number
  readonly messageSeq: number
  readonly body: Uint8Array
}

interface Partial {
  readonly type: number
  readonly body: Uint8Array
  /** One bit per byte of the body: 1 when it has arrived. */
  readonly arrived: Uint8Array
  missing: number
}

/** Number of messages after the next one whose fragments are kept. */
const WINDOW = 4
/** Of ClientKeyExchange: a PSK identity of up to 1,024 bytes and a point. */
const MAX_KEY_EXCHANGE = 2048
/** All others except a certificate chain are short: a signature, verify_data. */
const MAX_SHORT_MESSAGE = 512
/** Bytes of message bodies kept per handshake at a time. */
const MAX_HELD = MAX_HANDSHAKE_MESSAGE + MAX_KEY_EXCHANGE + (WINDOW - 2) * MAX_SHORT_MESSAGE

/** What happened to a fragment. */
export type FragmentOutcome = 'kept' | 'past' | 'malformed' | 'too-far' | 'too-large'

/**
 * Orders and reassembles a peer's handshake messages (RFC 6347 §4.2.3). Memory is limited by what a
 * handshake can need, not by what fragments claim.
 */
export class Reassembly {
  private readonly partials = new Map<number, Partial>()
  private held = 0

  /**
   * @param next the message_seq expected next
   * @param role our role
   */
  constructor(
    private next: number,
    private readonly role: Role = 'server',
  ) {}

  /**
   * @throws HandshakeFailure if it contradicts an earlier fragment of the same message: it is
   *   unknown which one is the client's
   */
  add(fragment: HandshakeFragment): FragmentOutcome {
    const { type, length, messageSeq, offset, body } = fragment
    if (offset + body.length > length || (body.length === 0 && length > 0)) return 'malformed'
    if (messageSeq < this.next) return 'past'
    if (messageSeq >= this.next + WINDOW) return 'too-far'
    const partial = this.partials.get(messageSeq) ?? this.begin(fragment)
    if (partial === undefined) return 'too-large'
    if (partial.type !== type || partial.body.length !== length) {
      throw new HandshakeFailure(
        'illegal-parameter',
        'fragments of one handshake message differ in type or length',
        Alert.illegalParameter,
      )
    }
    for (let i = 0; i < body.length; i++) {
      const at = offset + i
      const bit = 1 << (at & 7)
      const arrived = partial.arrived[at >> 3] ?? 0
      if ((arrived & bit) === 0) {
        partial.arrived[at >> 3] = arrived | bit
        partial.missing--
        partial.body[at] = body[i] ?? 0
      } else if (partial.body[at] !== body[i]) {
        throw new HandshakeFailure(
          'illegal-parameter',
          'overlapping fragments of a handshake message differ',
          Alert.illegalParameter,
        )
      }
    }
    return 'kept'
  }

  /** The next message in order, if it is complete. */
  take(): HandshakeMessage | undefined {
    const partial = this.partials.get(this.next)
    if (partial === undefined || partial.missing > 0) return undefined
    const messageSeq = this.next++
    this.partials.delete(messageSeq)
    this.held -= partial.body.length
    return { type: partial.type, messageSeq, body: partial.body }
  }

  /** Drops incomplete messages. */
  forget(): void {
    this.partials.clear()
    this.held = 0
  }

  private begin({ type, length, messageSeq }: HandshakeFragment): Partial | undefined {
    if (length > longest(this.role, type) || this.held + length > MAX_HELD) return undefined
    const partial = {
      type,
      body: new Uint8Array(length),
      arrived: new Uint8Array(Math.ceil(length / 8)),
      missing: length,
    }
    this.held += length
    this.partials.set(messageSeq, partial)
    return partial
  }
}

/** A list of CAs may be long, too; only a client receives one. */
function longest(role: Role, type: number): number {
  if (type === HandshakeType.certificate) return MAX_HANDSHAKE_MESSAGE
  if (role === 'client' && type === HandshakeType.certificateRequest) return MAX_HANDSHAKE_MESSAGE
  return type === HandshakeType.clientKeyExchange ? MAX_KEY_EXCHANGE : MAX_SHORT_MESSAGE
}
