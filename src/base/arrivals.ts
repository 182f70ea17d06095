let count = 0

/**
 * Records that a socket of this process was read. Every transport calls it for every datagram or
 * chunk.
 */
export function noteArrival(): void {
  count++
}

/**
 * Number of calls of {@link noteArrival}; if a turn of the event loop leaves it unchanged, no
 * socket had data.
 */
export function arrivals(): number {
  return count
}
