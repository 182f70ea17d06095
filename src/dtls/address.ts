const MAPPED = '::ffff:'

/** An IPv4 address as such, however the socket writes it (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  const mapped = address.startsWith(MAPPED) && address.includes('.', MAPPED.length)
  return mapped ? address.slice(MAPPED.length) : address
}
