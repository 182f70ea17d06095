const MAPPED = '::ffff:'

/** An IPv4 address as such, however the socket writes it (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  const mapped = address.startsWith(MAPPED) && address.includes('.', MAPPED.length)
  return mapped ? address.slice(MAPPED.length) : address
}

/** An IPv4 address as an IPv6 socket writes it. */
export function mapped(address: string): string {
  return MAPPED + address
}
