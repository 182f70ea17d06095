let count = 0

/** A socket of this process was read. Every transport calls it for every datagram or chunk. */
export function noteArrival(): void {
  count++
}

/** How often {@link noteArrival} was called: unchanged after a turn of the event loop means that no socket had anything. */
export function arrivals(): number {
  return count
}
