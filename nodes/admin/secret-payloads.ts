import type { CoapTrace } from '../../src'
import { isRequest } from '../../src/coap'

/** Bootstrap-Packs, and the objects with keys: Security, OSCORE, COSE. */
const SECRET = /^\/(?:bspack|0|21|23)(?:\/|$)/
/** Requests whose responses are recognised at the same time. */
const MAX_ASKED = 1_000

/**
 * Takes the payloads out of messages that carry keys: what a bootstrap server writes must not come
 * back out of it, not even to those who look at its traffic.
 */
export class SecretPayloads {
  /** Peer and token of requests whose responses are secret too. */
  private readonly asked = new Set<string>()

  conceal(trace: CoapTrace): CoapTrace {
    const exchange = `${trace.peer.id} ${Buffer.from(trace.token).toString('hex')}`
    if (isRequest(trace.code)) {
      if (!SECRET.test(trace.path ?? '')) {
        this.asked.delete(exchange)
        return trace
      }
      this.asked.add(exchange)
      const [oldest] = this.asked
      if (this.asked.size > MAX_ASKED && oldest !== undefined) this.asked.delete(oldest)
    } else if (!this.asked.has(exchange)) {
      return trace
    }
    return { ...trace, payload: new Uint8Array(0) }
  }
}
