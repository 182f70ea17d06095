/** Types shared by a CoapEndpoint and its users. Codes and option numbers are numeric. */
import type { Peer } from '../transport/transport'

/** One option with its undecoded value (RFC 7252 §3.1). */
export interface CoapOption {
  readonly number: number
  readonly value: Uint8Array
}

/** A request as its handler sees it; a block-wise body is complete. */
export interface CoapRequest {
  readonly peer: Peer
  /** A method code, e.g. `Code.POST`. */
  readonly code: number
  readonly confirmable: boolean
  readonly token: Uint8Array
  /** One entry per Uri-Path option. */
  readonly path: readonly string[]
  /** One entry per Uri-Query option. */
  readonly query: readonly string[]
  readonly contentFormat: number | undefined
  readonly accept: number | undefined
  /** The value of the Observe option, on GET and FETCH. */
  readonly observe: number | undefined
  /** All options as received, in order (of the last block's message, if block-wise). */
  readonly options: readonly CoapOption[]
  readonly payload: Buffer
  /**
   * Accepts an observe request (RFC 7641 §4.1): the reply then carries an Observe number and the
   * returned handle sends notifications. An observation of the same peer and token is replaced.
   */
  acceptObservation(): ObservationHandle
  /**
   * Returns true if this request has Observe=1 and it ended an observation of the same peer and
   * token.
   */
  cancelObservation(): boolean
}

/** The server side of an observation: sends notifications until it ends. */
export interface ObservationHandle {
  readonly peer: Peer
  readonly token: Uint8Array
  readonly ended: boolean
  /**
   * Called once when it ends: Observe=1, RST on a notification, CON timeout, peer gone, replaced.
   */
  onEnd: (reason: 'cancelled' | 'reset' | 'timeout' | 'gone' | 'replaced' | 'error') => void
  /**
   * Sends one notification with the next Observe number. A reply whose code is not 2.xx ends the
   * observation (RFC 7641 §4.2). Resolves at the ACK of a confirmable one, at once otherwise.
   */
  notify(reply: CoapReply, options?: { confirmable?: boolean }): Promise<void>
  end(): void
}

/** The reply to a request. Payloads larger than one block are sent block-wise. */
export interface CoapReply {
  readonly code: number
  readonly contentFormat?: number
  readonly payload?: Uint8Array
  /** One Location-Path option per entry. */
  readonly locationPath?: readonly string[]
  readonly etag?: Uint8Array
  /** Seconds. */
  readonly maxAge?: number
  /** Further options. */
  readonly options?: readonly CoapOption[]
  /** Called when the reply was first passed to the socket. */
  readonly onSent?: () => void
}

/**
 * Answers a request; if it is slow, an empty ACK is sent first and the response is sent separately.
 */
export type RequestHandler = (request: CoapRequest) => CoapReply | Promise<CoapReply>

/** Per-request settings of transmission; defaults are those of the CoapEndpoint (RFC 7252 §4.8). */
export interface TransmissionOptions {
  /** Milliseconds to the first retransmission, before ACK_RANDOM_FACTOR. */
  readonly ackTimeout?: number
  readonly maxRetransmit?: number
  /**
   * Milliseconds from the first transmission of a message (of each block, not of the body) to its
   * response; not restarted by an empty ACK.
   */
  readonly responseTimeout?: number
  /** Aborting rejects with CoapCancelled. */
  readonly signal?: AbortSignal
}

/** A request to send. */
export interface CoapRequestInit extends TransmissionOptions {
  readonly code: number
  readonly path?: readonly string[]
  readonly query?: readonly string[]
  readonly contentFormat?: number
  readonly accept?: number
  readonly payload?: Uint8Array
  /** Default true. */
  readonly confirmable?: boolean
  readonly etag?: Uint8Array
  /** Further options. */
  readonly options?: readonly CoapOption[]
  /** 1 to 8 bytes; default: eight random ones, new for each request. */
  readonly token?: Uint8Array
  /**
   * Largest block size to send and to request: 16, 32, … 1024. Default: that of the CoapEndpoint.
   */
  readonly blockSize?: number
  /** Called after each acknowledged block of the request body, with sizes in bytes. */
  readonly onProgress?: (sent: number, total: number) => void
  /** Called for each message that answers it, including those for single blocks. */
  readonly onAnswer?: () => void
}

/** A response; a block-wise body is complete. */
export interface CoapResponse {
  readonly peer: Peer
  readonly code: number
  readonly contentFormat: number | undefined
  readonly payload: Buffer
  readonly locationPath: readonly string[]
  readonly etag: Uint8Array | undefined
  /** Seconds. */
  readonly maxAge: number | undefined
  /** The value of the Observe option. */
  readonly observe: number | undefined
  readonly options: readonly CoapOption[]
}

/** Settings of the cancellation of an observation. */
export interface CancelOptions extends TransmissionOptions {
  /** Uri-Query options, one per entry, instead of those of the observe request. */
  readonly query?: readonly string[]
}

/** The client side of an observation (RFC 7641 §3). */
export interface ObserveRelation {
  readonly peer: Peer
  readonly token: Uint8Array
  /** The response to the observe request; undefined for an observation that was restored. */
  readonly first: CoapResponse | undefined
  /** False if the peer answered without an Observe option, or after the observation ended. */
  readonly active: boolean
  /**
   * Active cancellation: the same request with Observe=1 and the same token (RFC 7641 §3.6).
   * Resolves with the whole response, or with its first block if the rest cannot be fetched;
   * notifications stop at once.
   */
  cancel(options?: CancelOptions): Promise<CoapResponse>
  /** Passive cancellation: forgets the observation; the next notification is answered with RST. */
  forget(): void
}

/** Callbacks of an observation. */
export interface ObserveListener {
  /**
   * A complete, fresh notification, in order (RFC 7641 §3.4). Not called for the first response.
   */
  onNotification(response: CoapResponse): void
  /** The observation ended by an error response, a lost peer or the stop of the CoapEndpoint. */
  onEnd?(reason: 'error' | 'gone' | 'stopped', response?: CoapResponse): void
}

/** One sent or received message, for logs. Created only if there is a listener. */
export interface CoapTrace {
  readonly direction: 'in' | 'out'
  readonly peer: Peer
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly type: 'CON' | 'NON' | 'ACK' | 'RST'
  readonly code: number
  readonly messageId: number
  readonly token: Uint8Array
  readonly path: string | undefined
  readonly query: string | undefined
  readonly contentFormat: number | undefined
  readonly observe: number | undefined
  /** `num/more/size` */
  readonly block1: string | undefined
  readonly block2: string | undefined
  readonly payload: Uint8Array
  /** Bytes of the datagram. */
  readonly size: number
  /** True for a retransmission or a duplicate. */
  readonly repeated: boolean
}

/** Settings of a CoapEndpoint. Times are in milliseconds, sizes in bytes. */
export interface CoapEndpointOptions {
  /** RFC 7252 §4.8; default 2000. */
  readonly ackTimeout?: number
  /** Default 1.5. */
  readonly ackRandomFactor?: number
  /** Default 4. */
  readonly maxRetransmit?: number
  /**
   * Time from a message's first transmission to its response; default 93,000 (MAX_TRANSMIT_WAIT).
   */
  readonly responseTimeout?: number
  /** Simultaneous outstanding requests per peer; default 1 (RFC 7252 §4.7). */
  readonly nstart?: number
  /** Maximum number of requests queued per peer; default 1000. */
  readonly maxQueuedPerPeer?: number
  /** 16, 32, … 1024; default 1024. */
  readonly blockSize?: number
  /** Maximum size of a body received block-wise; default 1 MiB. */
  readonly maxBody?: number
  /** Maximum size of all unfinished received bodies together; default 64 MiB. */
  readonly maxBodies?: number
  /**
   * Time for which a message is remembered to detect duplicates; default 247,000
   * (EXCHANGE_LIFETIME).
   */
  readonly exchangeLifetime?: number
  /** Messages remembered per peer; default 16. */
  readonly duplicatesPerPeer?: number
  /**
   * Maximum number of unpinned peers with state; default 10,000. The longest idle peer is evicted
   * first.
   */
  readonly maxUnregisteredPeers?: number
  /** Time after which an empty ACK is sent if the handler has not replied; default 500. */
  readonly separateAfter?: number
  /** How to answer a NON notification or response with an unknown token; default `reset`. */
  readonly unknownNon?: 'reset' | 'ignore'
}
