import { randomInt } from 'node:crypto'

/** Maximum number of requests whose answers are awaited. */
const MOST_TOKENS = 4
/** Shorter tokens could be guessed by a device that does not see what is sent. */
const LEAST_TOKEN = 4
/**
 * Maximum number of pings per address: a Message-ID has only 16 bits, so the number of guesses is
 * limited.
 */
const MOST_PINGS = 4

const CON = 0
const RST = 3

interface Header {
  readonly type: number
  readonly code: number
  readonly messageId: number
  /** One character a byte. */
  readonly token: string
}

/** Reads the fixed part of a CoAP message and its token (RFC 7252 §3). */
function readHeader(message: Uint8Array): Header | undefined {
  const [first = 0, code = 0, high = 0, low = 0] = message
  const tokenLength = first & 15
  if (message.length < 4 + tokenLength || first >> 6 !== 1) return undefined
  const token = Buffer.from(message.buffer, message.byteOffset + 4, tokenLength).toString('latin1')
  return { type: (first >> 4) & 3, code, messageId: (high << 8) | low, token }
}

/**
 * Verifies that a peer really is at the address that it moved to: by its answer to a request sent
 * there, whose token nobody else knows, or to an empty message (a CoAP ping).
 */
export class PathProof {
  private readonly tokens: string[] = []
  private ping: number | undefined
  private pings = 0

  /** Records a message that is sent to the new address. */
  onSent(message: Uint8Array): void {
    const header = readHeader(message)
    if (header === undefined || header.code === 0 || header.code >= 32) return
    if (header.token.length < LEAST_TOKEN || this.tokens.includes(header.token)) return
    this.tokens.push(header.token)
    if (this.tokens.length > MOST_TOKENS) this.tokens.shift()
  }

  /** The ping to send; the same one as long as it may be answered. Undefined after too many. */
  nextPing(): Buffer | undefined {
    if (this.ping === undefined) {
      if (this.pings === MOST_PINGS) return undefined
      this.pings++
      this.ping = randomInt(0x10000)
    }
    return Buffer.from([0x40 | (CON << 4), 0, this.ping >> 8, this.ping & 0xff])
  }

  /** What a message from the new address proves. `answer-to-ping` must not be passed on. */
  onReceived(message: Uint8Array): 'nothing' | 'answer' | 'answer-to-ping' {
    const header = readHeader(message)
    if (header === undefined) return 'nothing'
    const { type, code, messageId, token } = header
    if (code >= 64) return this.tokens.includes(token) ? 'answer' : 'nothing'
    if (type !== RST || code !== 0 || this.ping === undefined) return 'nothing'
    if (messageId === this.ping) return 'answer-to-ping'
    // A guess, or the answer to another message: this ping can no longer prove anything.
    this.ping = undefined
    return 'nothing'
  }
}
