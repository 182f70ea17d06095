import { CodedError } from '../base/coded-error'

/** No ACK for a confirmable message after MAX_RETRANSMIT retransmissions (RFC 7252 §4.2). */
export class CoapTimeout extends CodedError {
  constructor(message: string) {
    super('timeout', message)
  }
}

/** The request was acknowledged, but its response did not arrive before the deadline. */
export class CoapResponseTimeout extends CodedError {
  constructor(message: string) {
    super('response-timeout', message)
  }
}

/** The peer answered with RST (RFC 7252 §4.2): it has no context for the message. */
export class CoapReset extends CodedError {
  constructor(message: string) {
    super('reset', message)
  }
}

/** The request was cancelled on this side: aborted, or the CoapEndpoint stopped. */
export class CoapCancelled extends CodedError {
  constructor(message: string) {
    super('cancelled', message)
  }
}

/** A block-wise transfer failed (RFC 7959): wrong number, changed ETag, body over the limit. */
export class BlockwiseError extends CodedError {
  constructor(message: string) {
    super('blockwise', message)
  }
}

/** The bytes are not a CoAP message (RFC 7252 §3). `raw` is the datagram. */
export class CoapFormatError extends CodedError {
  constructor(
    message: string,
    readonly raw: Uint8Array,
  ) {
    super('malformed', message)
  }
}

/** Too many requests are queued for this peer (`maxQueuedPerPeer`). */
export class CoapQueueFull extends CodedError {
  constructor(message: string) {
    super('queue-full', message)
  }
}
