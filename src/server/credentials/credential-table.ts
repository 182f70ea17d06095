import { isPattern, matchesPattern } from '../endpoint-pattern'
import { provesName } from './certificate-name'
import { type Credential, type CredentialSource, type CredentialUse, nameKey } from './credential'

/** All credentials in force, indexed by what peers show and by endpoint. */
export class CredentialTable {
  private readonly bySlot = new Map<string, Credential>()
  private readonly byId = new Map<string, Credential>()
  /** By `use|endpoint`; patterns are apart, because they must be tried one by one. */
  private readonly byEndpoint = new Map<string, Set<Credential>>()
  private readonly patterns = new Set<Credential>()

  get size(): number {
    return this.bySlot.size
  }

  /** The credential in force with this {@link Credential.slot}. */
  inSlot(slot: string): Credential | undefined {
    return this.bySlot.get(slot)
  }

  find(use: CredentialUse, proofKey: string): Credential | undefined {
    return this.bySlot.get(`${use}|${proofKey}`)
  }

  get(id: string): Credential | undefined {
    return this.byId.get(id)
  }

  /** The slot must be free. */
  add(credential: Credential): void {
    this.bySlot.set(credential.slot, credential)
    this.byId.set(credential.id, credential)
    if (isPattern(credential.endpoint)) this.patterns.add(credential)
    else {
      const key = endpointKey(credential.use, credential.endpoint)
      const set = this.byEndpoint.get(key)
      if (set === undefined) this.byEndpoint.set(key, new Set([credential]))
      else set.add(credential)
    }
  }

  delete(credential: Credential): void {
    this.bySlot.delete(credential.slot)
    this.byId.delete(credential.id)
    this.patterns.delete(credential)
    const key = endpointKey(credential.use, credential.endpoint)
    const set = this.byEndpoint.get(key)
    if (set?.delete(credential) === true && set.size === 0) this.byEndpoint.delete(key)
  }

  /** Those of exactly this endpoint name (or of exactly this pattern). */
  of(use: CredentialUse, endpoint: string): Credential[] {
    if (isPattern(endpoint)) {
      return [...this.patterns].filter((one) => one.use === use && one.endpoint === endpoint)
    }
    return [...(this.byEndpoint.get(endpointKey(use, endpoint)) ?? [])]
  }

  /** Those that say something about an endpoint: its own and those of patterns it matches. */
  about(use: CredentialUse, endpoint: string): Credential[] {
    const found = this.of(use, endpoint)
    for (const one of this.patterns) {
      if (one.use === use && matchesPattern(one.endpoint, endpoint)) found.push(one)
    }
    return found
  }

  /** X.509 credentials that go by one of these certificate names. */
  named(use: CredentialUse, names: readonly string[]): Credential[] {
    const found = new Set<Credential>()
    for (const name of names) {
      const credential = this.find(use, nameKey(name))
      if (credential !== undefined) found.add(credential)
    }
    for (const one of this.patterns) {
      if (one.use === use && provesName(one.proof, names)) found.add(one)
    }
    return [...found]
  }

  from(source: CredentialSource): Credential[] {
    return [...this.bySlot.values()].filter((one) => one.source === source)
  }

  values(): IterableIterator<Credential> {
    return this.bySlot.values()
  }
}

function endpointKey(use: CredentialUse, endpoint: string): string {
  return `${use}|${endpoint}`
}
