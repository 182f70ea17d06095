import { isIPv6 } from 'node:net'
import { unmapped } from '../../base/ip-address'
import type { WireAddress } from '../identity'
import type { PendingHandshake } from '../associations/pending-handshake'

/**
 * Who is counted together: an IPv4 address, or an IPv6 /64, of which one sender may well have all
 * addresses.
 */
export function senderGroup(wireAddress: string): string {
  const address = unmapped(wireAddress)
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  // An IPv4 tail counts for two groups, but stands in the host part in any case.
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

/** Handshakes in progress: one an address at most, bounded in all and per sender. */
export class HalfOpen {
  private readonly byAddress = new Map<string, PendingHandshake>()
  private readonly perGroup = new Map<string, number>()

  constructor(
    private readonly limit: number,
    private readonly limitPerGroup: number,
  ) {}

  get size(): number {
    return this.byAddress.size
  }

  at(key: string): PendingHandshake | undefined {
    return this.byAddress.get(key)
  }

  values(): Iterable<PendingHandshake> {
    return this.byAddress.values()
  }

  hasRoomFor({ wireAddress }: WireAddress): boolean {
    if (this.byAddress.size >= this.limit) return false
    return (this.perGroup.get(senderGroup(wireAddress)) ?? 0) < this.limitPerGroup
  }

  add(key: string, handshake: PendingHandshake): void {
    this.byAddress.set(key, handshake)
    const group = senderGroup(handshake.remote.wireAddress)
    this.perGroup.set(group, (this.perGroup.get(group) ?? 0) + 1)
  }

  remove(key: string, handshake: PendingHandshake): void {
    if (this.byAddress.get(key) !== handshake) return
    this.byAddress.delete(key)
    const group = senderGroup(handshake.remote.wireAddress)
    const left = (this.perGroup.get(group) ?? 1) - 1
    if (left > 0) this.perGroup.set(group, left)
    else this.perGroup.delete(group)
  }
}
