import { isIPv6 } from 'node:net'

const MAPPED = '::ffff:'

/**
 * Converts an IPv4-mapped address to IPv4 (RFC 4291 §2.5.5.2); other addresses are returned
 * unchanged.
 */
export function unmapped(address: string): string {
  const mapped = address.startsWith(MAPPED) && address.includes('.', MAPPED.length)
  return mapped ? address.slice(MAPPED.length) : address
}

/** Converts an IPv4 address to the IPv4-mapped form of an IPv6 socket. */
export function mapped(address: string): string {
  return MAPPED + address
}

/**
 * The prefixes that one sender may control, narrowest first: IPv4 /32 and /24; IPv6 /64 (one host),
 * /56 and /48 (one customer).
 */
export function addressPrefixes(wireAddress: string): string[] {
  const address = unmapped(wireAddress)
  return isIPv6(address) ? ipv6Prefixes(address) : ipv4Prefixes(address)
}

function ipv4Prefixes(address: string): string[] {
  return [address, `${address.slice(0, address.lastIndexOf('.'))}/24`]
}

function ipv6Prefixes(address: string): string[] {
  const [first = 0, second = 0, third = 0, fourth = 0] = firstGroups(address)
  const hex = (...groups: readonly number[]): string =>
    groups.map((group) => group.toString(16)).join(':')
  return [
    `${hex(first, second, third, fourth)}::/64`,
    `${hex(first, second, third, fourth & 0xff00)}::/56`,
    `${hex(first, second, third)}::/48`,
  ]
}

/** The first 64 bits of an IPv6 address. */
function firstGroups(address: string): number[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const left = head === '' ? [] : head.split(':')
  // An IPv4 tail counts as two groups, but is in the host part in any case.
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return groups.slice(0, 4).map((group) => Number.parseInt(group, 16))
}
