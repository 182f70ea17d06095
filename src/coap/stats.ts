/** What an endpoint counted since it was made. Datagrams unless said otherwise. */
export interface CoapStats {
  received: number
  sent: number
  retransmitted: number
  /** Received again within EXCHANGE_LIFETIME. */
  duplicates: number
  /** Not a CoAP message (RFC 7252 §3). */
  malformed: number
  /** RST received. */
  resets: number
  /** RST sent, pings answered included. */
  rejected: number
  /** Requests received, without duplicates. */
  requestsIn: number
  /** Requests sent: one per block. */
  requestsOut: number
  /** Notifications delivered. */
  notifications: number
  /** Notifications dropped as not newer than the last (RFC 7641 §3.4). */
  stale: number
  /** Confirmable messages that nobody acknowledged, and requests without a response. */
  timeouts: number
  /** Warnings held back because there were too many. */
  suppressedWarnings: number
  /** Peers with state now. */
  readonly peers: number
}
