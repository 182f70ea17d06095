/**
 * Counters of a CoapEndpoint since it was created. They count datagrams unless stated otherwise.
 */
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
  /** RST sent, including answers to pings. */
  rejected: number
  /** Requests received, without duplicates. */
  requestsIn: number
  /** Requests sent: one per block. */
  requestsOut: number
  /** Notifications delivered. */
  notifications: number
  /** Notifications dropped because they were not newer than the last one (RFC 7641 §3.4). */
  stale: number
  /** Confirmable messages without acknowledgement, and requests without response. */
  timeouts: number
  /** Warnings suppressed by the rate limit. */
  suppressedWarnings: number
  /** Number of peers with state. */
  readonly peers: number
}

/** Counters that start at zero. @param table used for {@link CoapStats.peers} */
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
