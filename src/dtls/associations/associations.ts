import type { Association } from './association'
import type { DtlsIdentity, WireAddress } from '../identity'

/** Key of an address in maps. */
export function addressKey({ wireAddress, port }: WireAddress): string {
  return `${wireAddress}|${port}`
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** Whether two identities are the same credential. */
export function sameIdentity(a: DtlsIdentity, b: DtlsIdentity): boolean {
  if (a.kind === 'psk') return b.kind === 'psk' && sameBytes(a.identity, b.identity)
  if (a.kind === 'rpk') return b.kind === 'rpk' && sameBytes(a.publicKey, b.publicKey)
  return b.kind === 'x509' && a.subject === b.subject
}

/**
 * The established associations: by address, and ordered by last use. Pinned ones are not in that
 * order and are never evicted.
 */
export class Associations {
  private readonly all = new Set<Association>()
  private readonly byAddress = new Map<string, Association>()
  private newest: Association | undefined
  private oldest: Association | undefined

  get size(): number {
    return this.all.size
  }

  values(): Iterable<Association> {
    return this.all
  }

  has(association: Association): boolean {
    return this.all.has(association)
  }

  at(key: string): Association | undefined {
    return this.byAddress.get(key)
  }

  /** The association to evict next: the longest unused one that is not pinned. */
  get evictable(): Association | undefined {
    return this.oldest
  }

  /** Adds an association and assigns its address to it. */
  add(association: Association): void {
    this.all.add(association)
    this.byAddress.set(addressKey(association), association)
    if (!association.pinned) this.link(association)
  }

  remove(association: Association): void {
    if (!this.all.delete(association)) return
    this.leaveAddress(association)
    if (!association.pinned) this.unlink(association)
  }

  /** Something authentic was received from it. */
  touch(association: Association): void {
    if (association.pinned || association === this.newest) return
    this.unlink(association)
    this.link(association)
  }

  pin(association: Association, pinned: boolean): void {
    if (association.pinned === pinned || !this.all.has(association)) return
    if (pinned) this.unlink(association)
    association.pinned = pinned
    if (!pinned) this.link(association)
  }

  /**
   * The client moved. If another association has that address, plain records still belong to the
   * other one.
   */
  move(association: Association, wireAddress: string, port: number): void {
    this.leaveAddress(association)
    association.wireAddress = wireAddress
    association.port = port
    const key = addressKey(association)
    if (!this.byAddress.has(key)) this.byAddress.set(key, association)
  }

  private leaveAddress(association: Association): void {
    const key = addressKey(association)
    if (this.byAddress.get(key) === association) this.byAddress.delete(key)
  }

  private link(association: Association): void {
    association.older = this.newest
    association.newer = undefined
    if (this.newest !== undefined) this.newest.newer = association
    this.newest = association
    this.oldest ??= association
  }

  private unlink(association: Association): void {
    const { newer, older } = association
    if (newer === undefined) this.newest = older
    else newer.older = older
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    association.newer = undefined
    association.older = undefined
  }
}
