/** What a CoapEndpoint counted since it was made. Datagrams unless said otherwise. */
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

/** Counters that begin at zero. @param table of what {@link CoapStats.peers} counts */
export function newStats(table: { readonly size: number }): CoapStats {
  return {
    received: 0,
    sent: 0,
    retransmitted: 0,
    duplicates: 0,
    malformed: 0,
    resets: 0,
    rejected: 0,
    requestsIn: 0,
    requestsOut: 0,
    notifications: 0,
    stale: 0,
    timeouts: 0,
    suppressedWarnings: 0,
    get peers() {
      return table.size
    },
  }
}
