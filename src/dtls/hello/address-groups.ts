import { addressPrefixes } from '../../base/ip-address'

/** Weights of an address and of each wider group: the wider, the more may come from there. */
const WEIGHTS = [1, 1 / 4, 1 / 16] as const

/** Entries grouped by address: finds the oldest of those who use more than their share. */
export class AddressGroups<T> {
  private readonly groups = new Map<string, Group<T>>()
  private readonly heaviest = new Map<number, ByCount<T>>(
    WEIGHTS.map((weight) => [weight, new ByCount()]),
  )

  /** @param wireAddress the address of `entry`; must be the same in {@link remove} */
  add(wireAddress: string, entry: T): void {
    let child: Group<T> | undefined
    for (const [level, key] of addressPrefixes(wireAddress).entries()) {
      const weight = WEIGHTS[level] ?? 0
      const group = this.groups.get(key) ?? new Group<T>(key, weight)
      this.groups.set(key, group)
      if (child === undefined) group.entries.add(entry)
      else group.children.change(child, child.count - 1, child.count)
      group.count++
      this.heaviest.get(weight)?.change(group, group.count - 1, group.count)
      child = group
    }
  }

  remove(wireAddress: string, entry: T): void {
    let child: Group<T> | undefined
    for (const [level, key] of addressPrefixes(wireAddress).entries()) {
      const weight = WEIGHTS[level] ?? 0
      const group = this.groups.get(key)
      if (group === undefined) return
      if (child !== undefined) group.children.change(child, child.count + 1, child.count)
      else if (!group.entries.delete(entry)) return
      group.count--
      this.heaviest.get(weight)?.change(group, group.count + 1, group.count)
      if (group.count === 0) this.groups.delete(key)
      child = group
    }
  }

  /** Number of entries from this address (IPv4) or its /64 (IPv6). */
  countAt(wireAddress: string): number {
    return this.at(wireAddress)?.count ?? 0
  }

  /** The oldest from this address or its /64. */
  oldestAt(wireAddress: string): T | undefined {
    return this.at(wireAddress)?.oldest
  }

  /**
   * The entry to evict: the oldest of the group with the most entries relative to its weight, and
   * within a wide group of the narrower one with the most.
   */
  get mostDispensable(): { readonly entry: T; readonly group: string } | undefined {
    let most: Group<T> | undefined
    for (const { first } of this.heaviest.values()) {
      if (first === undefined) continue
      if (most === undefined || first.count * first.weight > most.count * most.weight) most = first
    }
    const group = most?.key
    for (let next = most; next !== undefined; next = most?.children.first) most = next
    const entry = most?.oldest
    return entry === undefined || group === undefined ? undefined : { entry, group }
  }

  private at(wireAddress: string): Group<T> | undefined {
    const [narrowest] = addressPrefixes(wireAddress)
    return narrowest === undefined ? undefined : this.groups.get(narrowest)
  }
}

class Group<T> {
  count = 0
  /** Of the narrowest groups, in order of arrival. */
  readonly entries = new Set<T>()
  /** The narrower groups within this one. */
  readonly children = new ByCount<T>()

  constructor(
    readonly key: string,
    readonly weight: number,
  ) {}

  get oldest(): T | undefined {
    for (const entry of this.entries) return entry
    return undefined
  }
}

/** Groups ordered by their number of entries, equal ones by the time they reached it. */
class ByCount<T> {
  private readonly buckets = new Map<number, Set<Group<T>>>()
  private most = 0

  /** The group with the most entries. */
  get first(): Group<T> | undefined {
    for (const group of this.buckets.get(this.most) ?? []) return group
    return undefined
  }

  /** The number of entries of a group has changed by one. */
  change(group: Group<T>, from: number, to: number): void {
    const old = this.buckets.get(from)
    old?.delete(group)
    if (old?.size === 0) this.buckets.delete(from)
    if (to > 0) {
      const bucket = this.buckets.get(to) ?? new Set()
      bucket.add(group)
      this.buckets.set(to, bucket)
    }
    this.most = Math.max(this.most, to)
    while (this.most > 0 && !this.buckets.has(this.most)) this.most--
  }
}
